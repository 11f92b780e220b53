# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .style import BACKGROUND, COLORS, DIM, TEXT, new_figure, save_figure

__all__ = ["LatentPoints", "latent_figure"]

SIZE, ACROSS = 5.2, 4
"""Width of a diagram in inches, and how many stand side by side."""
MARKERS = ("o", "^", "s", "D", "v", "P", "X")


@dataclass(frozen=True)
class LatentPoints:
    """Cases in a plane.

    Args:
        points: (N, 2).
        color: (N,) number of what the color tells; -1: gray.
        marker: (N,) number of what the marker tells.
        colors: name of every color.
        markers: name of every marker.
    """

    points: np.ndarray
    color: np.ndarray
    marker: np.ndarray
    colors: Sequence[str]
    markers: Sequence[str]


def latent_figure(path: str | os.PathLike, panels: Mapping[str, LatentPoints], title: str = "") -> None:
    """Diagrams of latent vectors in the plane (thesis ch. 9, supplement, section 4).

    Args:
        path: PNG to write.
        panels: name -> its cases; a diagram each.
        title: written above.
    """
    across = min(len(panels), ACROSS)
    rows = -(-len(panels) // across)
    figure = new_figure(SIZE * across, (SIZE + 0.7) * rows + 0.4 * bool(title))
    axes = figure.subplots(rows, across, squeeze=False).ravel()
    for axis, (name, panel) in zip(axes, panels.items(), strict=False):
        _draw(axis, panel)
        axis.set_title(name, color=TEXT)
    for axis in axes[len(panels) :]:
        axis.remove()
    figure.suptitle(title, color=TEXT)
    figure.tight_layout()
    save_figure(figure, path)


def _draw(axis: Any, panel: LatentPoints) -> None:
    axis.set_facecolor(BACKGROUND)
    axis.set(xticks=[], yticks=[])
    for spine in axis.spines.values():
        spine.set_color(DIM)
    palette = _palette(len(panel.colors))
    tones = [palette[c] if c >= 0 else DIM for c in panel.color]
    for m, name in enumerate(panel.markers):
        some = panel.marker == m
        if some.any():
            x, y = panel.points[some].T
            shown = [tone for tone, drawn in zip(tones, some, strict=True) if drawn]
            shape = MARKERS[m % len(MARKERS)]
            axis.scatter(x, y, s=34, c=shown, marker=shape, linewidths=0.4, edgecolors=BACKGROUND, alpha=0.9)
            axis.scatter([], [], s=34, c="none", marker=shape, edgecolors=TEXT, label=name)
    for tone, name in zip(palette, panel.colors, strict=True):
        axis.scatter([], [], s=34, color=tone, marker="s", label=name)
    place = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.02), "ncols": 4}
    axis.legend(**place, facecolor=BACKGROUND, edgecolor="none", labelcolor=TEXT, fontsize=9, handletextpad=0.3)


def _palette(count: int) -> list[Any]:
    """That many colors: of the style, or, where it has too few, around a color map."""
    if count <= len(COLORS):
        return list(COLORS[:count])
    from matplotlib import colormaps

    return [colormaps["turbo"](x) for x in np.linspace(0.15, 0.88, count)]  # its ends are too dark
