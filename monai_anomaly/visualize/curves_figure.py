# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..utils import atomic_path
from .style import BACKGROUND, COLORS, TEXT, new_figure

__all__ = ["curves_figure"]

WIDTH, HEIGHT = 16 / 3, 5.8
"""Size of a diagram in inches."""
DIM = "#7d828c"
DASHES = ("solid", "dashed", "dotted", "dashdot", (0, (8, 2)), (0, (1, 4)))


def curves_figure(
    path: str | os.PathLike,
    report: Mapping[str, Any],
    examples: Mapping[str, np.ndarray] | None = None,
    title: str = "",
) -> None:
    """Diagrams of a report: Dice by ensemble size (thesis ch. 5, Fig. 4), reliability and risk-coverage.

    Every region has a color; the band is the 95 % interval over subjects.

    Args:
        path: PNG to write; 1600 pixels wide with Dice by ensemble size, which needs samples.
        report: result of :py:func:`monai_anomaly.metrics.evaluate_segmentation`.
        examples: slice -> its Dice for 1 to n samples, drawn as thin lines.
        title: written above.
    """
    regions = report["regions"]
    panels = [_sizes, _reliability, _risk_coverage]
    if not all("dice_by_samples" in region for region in regions.values()):
        del panels[0]
    figure = new_figure(WIDTH * len(panels), HEIGHT)
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for axis, draw in zip(axes, panels, strict=True):
        axis.set_facecolor(BACKGROUND)
        axis.tick_params(colors=TEXT, labelsize=10)
        axis.spines[["top", "right"]].set_visible(False)
        axis.spines[["left", "bottom"]].set_color(DIM)
        axis.grid(color=TEXT, alpha=0.12, linewidth=0.7)
        draw(axis, regions, examples or {})
        for label in (axis.title, axis.xaxis.label, axis.yaxis.label):
            label.set_color(TEXT)
        # below the diagram, where it hides no line
        place = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.14), "ncols": 3}
        axis.legend(**place, facecolor=BACKGROUND, edgecolor="none", labelcolor=TEXT, fontsize=9)
    figure.suptitle(title, color=TEXT, fontsize=13)
    figure.tight_layout(w_pad=2.5)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, facecolor=BACKGROUND)


def _colored(regions: Mapping[str, Any]) -> list[tuple[str, Any, str]]:
    return [(name, region, COLORS[i % len(COLORS)]) for i, (name, region) in enumerate(regions.items())]


def _sizes(axis: Any, regions: Mapping[str, Any], examples: Mapping[str, np.ndarray]) -> None:
    for i, (name, dice) in enumerate(examples.items()):
        dashes = DASHES[i % len(DASHES)]
        axis.plot(np.arange(1, len(dice) + 1), dice, linestyle=dashes, color=DIM, linewidth=1, label=name)
    for name, region, color in _colored(regions):
        curve = [point for point in region["dice_by_samples"] if point["value"] is not None]
        x = [point["samples"] for point in curve]
        marker = "o" if len(x) <= 20 else None
        (line,) = axis.plot(x, [p["value"] for p in curve], color=color, marker=marker, label=f"{name}, mean")
        line.set(linewidth=2.2, markersize=5)
        if curve and all(p["ci95"] for p in curve):
            axis.fill_between(x, *zip(*(p["ci95"] for p in curve), strict=True), color=color, alpha=0.18, linewidth=0)
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.set(title="Dice by number of samples", xlabel="samples in the ensemble", ylabel="Dice")


def _reliability(axis: Any, regions: Mapping[str, Any], examples: Mapping[str, np.ndarray]) -> None:
    axis.plot([0, 1], [0, 1], color=DIM, linewidth=1, linestyle="--", label="calibrated")
    for name, region, color in _colored(regions):
        bins = region["calibration"]["bins"]
        x, y = ([row[key] for row in bins] for key in ("probability", "frequency"))
        ece = region["calibration"]["ece"]["value"]
        label = name if ece is None else f"{name}, ECE {ece:.4f}"
        axis.plot(x, y, color=color, linewidth=1.5, label=label)
        axis.scatter(x, y, s=[12 * np.log10(row["count"] + 1) for row in bins], color=color)
    axis.set(title="Reliability (larger dot: more pixels)", xlabel="mean of the ensemble", ylabel="share of lesion")
    axis.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))


def _risk_coverage(axis: Any, regions: Mapping[str, Any], examples: Mapping[str, np.ndarray]) -> None:
    for name, region, color in _colored(regions):
        scores = region["uncertainty"]
        curve, area = scores["risk_coverage"], scores["aurc"]["value"]
        risk = [np.nan if r is None else r for r in curve["risk"]]
        label = name if area is None else f"{name}, AURC {area:.2g}"
        axis.plot(curve["coverage"], risk, color=color, linewidth=2.2, label=label)
    axis.set(title="Risk-coverage", xlabel="share of pixels kept, most certain first", ylabel="share of them wrong")
    axis.set_ylim(bottom=0)
