# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from .style import BACKGROUND, COLORS, DIM, TEXT, new_figure, save_figure

__all__ = ["reached_value_figure"]

SIZE = 5.6
"""Width and height of a diagram in inches."""
GROUPS = 8
"""Of cases whose means are drawn, where the asked-for values are not a few that come back."""


def reached_value_figure(
    path: str | os.PathLike,
    wanted: np.ndarray,
    panels: Mapping[str, Mapping[str, np.ndarray]],
    value: str = "size",
    title: str = "",
) -> None:
    """Diagrams of a measured value against the one that was asked for (the numbers behind thesis ch. 8, Fig. 7).

    Every case is a point; on a line are the means of each asked-for value, or, where cases have values of their own, of
    groups with about the same. On the dashed line both are equal.

    Args:
        path: PNG to write; a diagram per panel.
        wanted: (N,); NaN where none was asked for.
        panels: who measured -> what was measured, the method first -> (N,), NaN where it was not.
        value: what it is called.
        title: written above.
    """
    figure = new_figure(SIZE * len(panels), SIZE + 0.3)
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for axis, (name, series) in zip(axes, panels.items(), strict=True):
        _draw(axis, wanted, series)
        axis.set(title=name, xlabel=f"{value} asked for", ylabel=f"{value} found")
        for label in (axis.title, axis.xaxis.label, axis.yaxis.label):
            label.set_color(TEXT)
    figure.suptitle(title, color=TEXT, fontsize=13)
    figure.tight_layout(w_pad=2.5)
    save_figure(figure, path)


def _draw(axis: Any, wanted: np.ndarray, series: Mapping[str, np.ndarray]) -> None:
    axis.set_facecolor(BACKGROUND)
    axis.tick_params(colors=TEXT, labelsize=10)
    axis.spines[["top", "right"]].set_visible(False)
    axis.spines[["left", "bottom"]].set_color(DIM)
    axis.grid(color=TEXT, alpha=0.12, linewidth=0.7)
    everything = [wanted, *series.values()]
    low, high = (
        float(extreme([extreme(x[np.isfinite(x)]) for x in everything if np.isfinite(x).any()]))
        for extreme in (np.min, np.max)
    )
    ends = [low - 0.03 * (high - low), high + 0.03 * (high - low)] if high > low else [low - 1, high + 1]
    axis.plot(ends, ends, color=DIM, linestyle="--", linewidth=1, label="as asked for")
    for color, (name, found) in list(zip(COLORS, series.items(), strict=False))[::-1]:  # the method on top
        known = np.isfinite(wanted) & np.isfinite(found)
        if not known.any():
            continue
        axis.scatter(wanted[known], found[known], s=16, color=color, alpha=0.55, linewidths=0)
        x, y = _means(wanted[known], found[known])
        axis.plot(x, y, color=color, linewidth=1.8, marker="o", markersize=6, label=f"{name}, mean")
    axis.set(xlim=ends, ylim=ends)
    place = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.12), "ncols": 2}
    axis.legend(**place, facecolor=BACKGROUND, edgecolor="none", labelcolor=TEXT, fontsize=9)


def _means(wanted: np.ndarray, found: np.ndarray) -> tuple[list[float], list[float]]:
    """Mean of what was found for each value, or for each group of cases of about the same value."""
    values, counts = np.unique(wanted, return_counts=True)
    if counts.min() > 1 or len(values) == 1:
        groups = [np.flatnonzero(wanted == value) for value in values]
    else:
        groups = np.array_split(np.argsort(wanted, kind="stable"), min(GROUPS, -(-len(wanted) // 3)))
    return [float(wanted[g].mean()) for g in groups], [float(found[g].mean()) for g in groups]
