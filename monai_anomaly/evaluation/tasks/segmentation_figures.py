# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...metrics.segmentation import ExpectedDiceThreshold, dice_by_samples
from ...visualize import (
    curves_figure,
    find_cases,
    pick_cases,
    segmentation_examples_figure,
    uncertainty_comparison_figure,
)
from ..cases import Cases
from ..files import file_part
from .pictured import shown_channel

__all__ = ["draw_curves", "draw_examples", "draw_uncertainties"]


def draw_examples(
    path: Path,
    settings: Mapping[str, Any],
    test: Cases,
    region: int,
    title: str,
    threshold: float | ExpectedDiceThreshold,
) -> None:
    """Some cases with the masks of one region.

    Args:
        path: PNG to write.
        settings: of `Segmentation`.
        test: cases to choose from.
        region: its index.
        title: above the picture.
        threshold: of the mean.
    """
    few = test.subset(_picked(test, region, settings["rows"], healthy_rows=1))
    low, channel = settings["background"], shown_channel(settings)
    segmentation_examples_figure(
        path,
        few,
        region,
        channel,
        settings["channel_names"][channel],
        (low, low + settings["data_range"]),
        settings["rotate"],
        title,
        threshold,
    )


def draw_curves(
    path: Path,
    settings: Mapping[str, Any],
    test: Cases,
    report: Mapping[str, Any],
    threshold: float | ExpectedDiceThreshold,
) -> None:
    """Dice by number of samples (and of some cases), reliability and risk-coverage of every region.

    Args:
        path: PNG to write.
        settings: of `Segmentation`.
        test: the cases.
        report: their scores.
        threshold: of the mean.
    """
    examples = {}
    if test["samples"].shape[1] > 1:
        few = test.subset(i for i in _picked(test, 0, settings["rows"], 1) if test["mask"][i, 0].any())
        if len(few):
            curves = dice_by_samples(few["samples"][:, :, 0], few["mask"][:, 0], threshold)
            examples = dict(zip(few.titles, curves, strict=True))
    curves_figure(path, {name: _curves(part) for name, part in report["parts"].items()}, examples)


def _curves(part: Mapping[str, Any]) -> dict[str, Any]:
    """The curves of a part's method, as figures take them."""
    own = next(iter(part["methods"].values()))
    curves = {"dice_by_samples": own["dice"]["by_samples"]} if "by_samples" in own["dice"] else {}
    return {
        **curves,
        "reliability": own["ece"]["bins"],
        "ece": own["ece"]["value"],
        "risk_coverage": own["aurc"]["risk_coverage"],
        "aurc": own["aurc"]["value"],
    }


def draw_uncertainties(
    path: Path,
    settings: Mapping[str, Any],
    methods: Mapping[str, Callable[[], Cases]],
    rows: int,
    keys: Sequence[tuple[str, str]] | None,
) -> None:
    """Uncertainty of several methods, a picture per region.

    Args:
        path: PNG to write, of the first region; ``_<region>`` is added for each other.
        settings: of `Segmentation`.
        methods: name -> what reads its cases.
        rows: cases shown, from the largest region to the smallest.
        keys: subject and slice of each row instead.

    Raises:
        DataError: when a method lacks a case.
    """
    regions = list(settings["region_names"])
    picked = [] if keys is None else [keys] * len(regions)
    few: dict[str, Cases] = {}
    for name, read in methods.items():
        cases = read()
        if not picked:
            picked = [[cases.keys[i] for i in _picked(cases, k, rows, healthy_rows=0)] for k in range(len(regions))]
        drawn = list(dict.fromkeys(key for chosen in picked for key in chosen))
        few[name] = cases.subset(find_cases(cases, drawn, name))
    channel = shown_channel(settings)
    for k, region in enumerate(regions):
        place = path if k == 0 else path.with_name(f"{path.stem}_{file_part(region)}{path.suffix}")
        shown = {name: cases.subset(find_cases(cases, picked[k], name)) for name, cases in few.items()}
        uncertainty_comparison_figure(place, shown, k, channel, settings["rotate"], f"Uncertainty: {region}")


def _picked(cases: Cases, region: int, rows: int, healthy_rows: int) -> list[int]:
    sizes = cases["mask"][:, region].sum((1, 2))
    return pick_cases(sizes, sizes > 0, sizes == 0, rows, healthy_rows)
