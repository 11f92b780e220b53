# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...visualize import (
    reached_value_figure,
    translation_comparison_figure,
    translation_examples_figure,
)
from ..cases import Cases
from ..edited import SIZE, Edited, relative_size, wanted_value
from .pictured import pictured_cases, shown_channel

__all__ = ["draw_comparison", "draw_examples", "draw_sizes"]


def draw_sizes(path: Path, settings: Mapping[str, Any], test: Cases) -> None:
    """The value that was found against the one that was asked for; no picture unless different ones were.

    Args:
        path: PNG to write.
        settings: of `Translation`.
        test: the cases.
    """
    value, wanted = settings["value"], wanted_value(test, settings)
    panels = {}
    if value == SIZE:
        fields = {"translated": "found_after", "input untouched": "found_before", "true counterfactual": "found_truth"}
        panels["independent segmenter"] = {name: relative_size(test, f, settings) for name, f in fields.items()}
    panels["the method's own network"] = {"translated": test["value_after"], "input untouched": test["value_before"]}
    known = {title: series for title, series in panels.items() if _different(wanted, series["translated"]) > 1}
    if known:
        reached_value_figure(path, wanted, known, value)


def draw_examples(path: Path, settings: Mapping[str, Any], test: Cases) -> None:
    """Some cases, at least one of every edit.

    Args:
        path: PNG to write.
        settings: of `Translation`.
        test: cases to choose from.
    """
    few = test.subset(picked(test, settings, settings["rows"]))
    channel = shown_channel(settings)
    translation_examples_figure(path, few, channel, settings["channel_names"][channel], settings["rotate"])


def draw_comparison(
    path: Path,
    settings: Mapping[str, Any],
    methods: Mapping[str, Callable[[], Cases]],
    rows: int,
    keys: Sequence[tuple[str, str]] | None,
) -> None:
    """The translated images of several methods, and their signed differences to the input.

    Args:
        path: PNG to write.
        settings: of `Translation`.
        methods: name -> what reads its cases.
        rows: cases shown, at least one of every edit.
        keys: subject and slice of each row instead.

    Raises:
        DataError: when a method lacks a case.
    """
    few = pictured_cases(methods, keys, lambda cases: picked(cases, settings, rows))
    translation_comparison_figure(path, few, shown_channel(settings), settings["rotate"])


def picked(cases: Cases, settings: Mapping[str, Any], rows: int) -> list[int]:
    """Numbers of cases, those of each edit together: the ones with the largest lesions that are not of one subject."""
    sizes = Edited.of(cases, settings).lesion.sum((1, 2, 3))
    edits = list(dict.fromkeys(map(str, cases["edit"])))
    found: list[int] = []
    for n, edit in enumerate(edits):
        left = max(1, (rows - len(found)) // (len(edits) - n))
        members = np.flatnonzero(cases["edit"] == edit)
        members = members[np.argsort(-sizes[members], kind="stable")]
        firsts = np.unique(cases["subject"][members], return_index=True)[1]
        order = [*members[np.sort(firsts)], *members]
        found += [int(i) for i in dict.fromkeys(order)][:left]
    return found


def _different(wanted: np.ndarray, found: np.ndarray) -> int:
    """How many different values were asked for and measured."""
    return len(np.unique(wanted[np.isfinite(wanted) & np.isfinite(found)]))
