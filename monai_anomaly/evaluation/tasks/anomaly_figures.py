# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...visualize import anomaly_examples_figure, difference_comparison_figure, pick_cases
from ..cases import Cases
from ..disease import diseased, healthy, lesion_pixels
from .pictured import pictured_cases

__all__ = ["draw_comparison", "draw_panel"]


def draw_panel(path: Path, settings: Mapping[str, Any], test: Cases, threshold: Mapping[str, Any] | None) -> None:
    """Some cases with their maps, the outline at a threshold, and the truth.

    Args:
        path: PNG to write.
        settings: of `AnomalyMaps`.
        test: cases to choose from.
        threshold: ``value`` and ``origin``; None: no outline.
    """
    few = test.subset(_picked(test, settings, settings["rows"], healthy_rows=1))
    low = settings["background"]
    origin = "" if threshold is None else f"; threshold: {threshold['origin'].replace('_', ' ')}"
    anomaly_examples_figure(
        path,
        few,
        settings["channel_names"],
        settings["show"],
        None if threshold is None else threshold["value"],
        healthy(few),
        settings["signed"],
        (low, low + settings["data_range"]),
        settings["rotate"],
        f"Test cases{origin}",
    )


def draw_comparison(
    path: Path,
    settings: Mapping[str, Any],
    methods: Mapping[str, Callable[[], Cases]],
    rows: int,
    keys: Sequence[tuple[str, str]] | None,
) -> None:
    """Reconstruction and signed difference of the methods that have any; no picture where none has.

    Args:
        path: PNG to write.
        settings: of `AnomalyMaps`.
        methods: name -> what reads its cases.
        rows: diseased cases shown, from the largest lesion to the smallest.
        keys: subject and slice of each row instead.

    Raises:
        DataError: when a method lacks a case.
    """
    few = pictured_cases(methods, keys, lambda cases: _picked(cases, settings, rows, healthy_rows=0), "reconstruction")
    if not few:
        return
    names = list(settings["channel_names"])
    channel = next((names.index(name) for name in settings["show"] if name in names), len(names) - 1)
    title = "Healthy reconstruction, and the difference to the input"
    difference_comparison_figure(path, few, channel, settings["rotate"], title)


def _picked(cases: Cases, settings: Mapping[str, Any], rows: int, healthy_rows: int) -> list[int]:
    sick, well = diseased(cases, settings["min_lesion_pixels"]), healthy(cases)
    if not (sick | well).any():  # nothing is known of any case: any may be shown
        well = np.ones(len(cases), bool)
    return pick_cases(lesion_pixels(cases), sick, well, rows, healthy_rows)
