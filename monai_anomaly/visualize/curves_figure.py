# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from .style import BACKGROUND, COLORS, DIM, TEXT, new_figure, save_figure

__all__ = ["curves_figure"]

WIDTH, HEIGHT = 16 / 3, 5.8
"""Size of a diagram in inches."""
DASHES = ("solid", "dashed", "dotted", "dashdot", (0, (8, 2)), (0, (1, 4)))


def curves_figure(
    path: str | os.PathLike,
    curves: Mapping[str, Mapping[str, Any]],
    examples: Mapping[str, np.ndarray] | None = None,
    title: str = "",
) -> None:
    """Diagrams of Dice by ensemble size (thesis ch. 5, Fig. 4), reliability and risk-coverage, those that there are.

    Args:
        path: PNG to write; 533 pixels wide per diagram.
        curves: part of an evaluation, such as a region, which has a color -> its ``dice_by_samples``, a list of
            ``{"samples", "value", "ci95"}``, whose interval is drawn as a band; ``reliability``, a list of
            ``{"probability", "frequency", "count"}``, and its ``ece``; ``risk_coverage``, ``{"coverage", "risk"}``, and
            its ``aurc``. A diagram is drawn where all parts have the curve; numbers may be None.
        examples: case -> its Dice for 1 to n samples, drawn as thin lines.
        title: written above.
    """
    diagrams = {"dice_by_samples": _sizes, "reliability": _reliability, "risk_coverage": _risk_coverage}
    panels = [draw for name, draw in diagrams.items() if all(name in part for part in curves.values())]
    figure = new_figure(WIDTH * len(panels), HEIGHT)
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for axis, draw in zip(axes, panels, strict=True):
        axis.set_facecolor(BACKGROUND)
        axis.tick_params(colors=TEXT, labelsize=10)
        axis.spines[["top", "right"]].set_visible(False)
        axis.spines[["left", "bottom"]].set_color(DIM)
        axis.grid(color=TEXT, alpha=0.12, linewidth=0.7)
        draw(axis, curves, examples or {})
        for label in (axis.title, axis.xaxis.label, axis.yaxis.label):
            label.set_color(TEXT)
        # below the diagram, where it hides no line
        place = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.14), "ncols": 3}
        axis.legend(**place, facecolor=BACKGROUND, edgecolor="none", labelcolor=TEXT, fontsize=9)
    figure.suptitle(title, color=TEXT, fontsize=13)
    figure.tight_layout(w_pad=2.5)
    save_figure(figure, path)


def _colored(curves: Mapping[str, Any], key: str, score: str = "") -> list[tuple[str, Any, str]]:
    """Name, curve and color of every part; the name with its score."""
    names = [f"{n}, {score.upper()} {c[score]:.2g}" if c.get(score) is not None else n for n, c in curves.items()]
    return [(n, c[key], COLORS[i % len(COLORS)]) for i, (n, c) in enumerate(zip(names, curves.values(), strict=True))]


def _sizes(axis: Any, curves: Mapping[str, Any], examples: Mapping[str, np.ndarray]) -> None:
    for i, (name, dice) in enumerate(examples.items()):
        dashes = DASHES[i % len(DASHES)]
        axis.plot(np.arange(1, len(dice) + 1), dice, linestyle=dashes, color=DIM, linewidth=1, label=name)
    for name, points, color in _colored(curves, "dice_by_samples"):
        curve = [point for point in points if point["value"] is not None]
        x = [point["samples"] for point in curve]
        marker = "o" if len(x) <= 20 else None
        (line,) = axis.plot(x, [p["value"] for p in curve], color=color, marker=marker, label=f"{name}, mean")
        line.set(linewidth=2.2, markersize=5)
        if curve and all(p["ci95"] for p in curve):
            axis.fill_between(x, *zip(*(p["ci95"] for p in curve), strict=True), color=color, alpha=0.18, linewidth=0)
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.set(title="Dice by number of samples", xlabel="samples in the ensemble", ylabel="Dice")


def _reliability(axis: Any, curves: Mapping[str, Any], examples: Mapping[str, np.ndarray]) -> None:
    axis.plot([0, 1], [0, 1], color=DIM, linewidth=1, linestyle="--", label="calibrated")
    for name, bins, color in _colored(curves, "reliability", "ece"):
        x, y = ([row[key] for row in bins] for key in ("probability", "frequency"))
        axis.plot(x, y, color=color, linewidth=1.5, label=name)
        axis.scatter(x, y, s=[12 * np.log10(row["count"] + 1) for row in bins], color=color)
    axis.set(title="Reliability (larger dot: more)", xlabel="predicted probability", ylabel="observed share")
    axis.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))


def _risk_coverage(axis: Any, curves: Mapping[str, Any], examples: Mapping[str, np.ndarray]) -> None:
    for name, curve, color in _colored(curves, "risk_coverage", "aurc"):
        risk = [np.nan if r is None else r for r in curve["risk"]]
        axis.plot(curve["coverage"], risk, color=color, linewidth=2.2, label=name)
    axis.set(title="Risk-coverage", xlabel="share kept, most certain first", ylabel="share of them wrong")
    axis.set_ylim(bottom=0)
