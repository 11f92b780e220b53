# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""What the pictures of one case share: which slices are shown, and the frame they are drawn in."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import numpy as np

from ..utils import atomic_path
from .slice_grid import DrawCell, show_images
from .style import BACKGROUND, TEXT, new_figure

__all__ = ["draw_slices", "show_volume", "spread_slices"]


def spread_slices(weight: np.ndarray, eligible: np.ndarray, rows: int) -> list[int]:
    """Slices of the highest weight, one from each part of the stack: neighboring ones look alike.

    Args:
        weight: one number a slice, (Z,).
        eligible: whether a slice may be shown, (Z,) bool; when none may, all may.
        rows: the most slices wanted.

    Returns:
        Slice numbers, in their order.
    """
    candidates = np.flatnonzero(eligible) if eligible.any() else np.arange(len(weight))
    parts = np.array_split(candidates, min(3 * rows, len(candidates)))
    best = [int(p[np.argmax(weight[p])]) for p in parts]
    return sorted(sorted(best, key=lambda z: -weight[z])[:rows])


def draw_slices(
    path: str | os.PathLike, columns: Mapping[str, DrawCell], slices: Sequence[int], shape: Sequence[int], title: str
) -> None:
    """Write a PNG with one row a slice, 300 pixels a column.

    Args:
        path: PNG to write.
        columns: title -> how to draw the column.
        slices: numbers of the slices.
        shape: (X, Y), the size of a slice.
        title: written above.
    """
    figure = new_figure(3 * len(columns), 0.5 + 3 * len(slices) * shape[1] / shape[0])
    axes = figure.subplots(len(slices), len(columns), squeeze=False)
    for row, z in zip(axes, slices, strict=True):
        for axis, (name, draw) in zip(row, columns.items(), strict=True):
            draw(axis, z)
            axis.set_axis_off()
            if z == slices[0]:
                axis.set_title(name, color=TEXT, fontsize=11)
    figure.suptitle(title, color=TEXT, fontsize=12)
    figure.tight_layout()
    with atomic_path(path) as temporary:
        figure.savefig(temporary, facecolor=BACKGROUND)


def show_volume(volume: np.ndarray, low: float, high: float, anatomical: bool, colors: str = "gray") -> DrawCell:
    """How to draw the slices of a volume (X, Y, Z) between two values, y upwards if anatomical, else downwards."""
    return show_images(np.moveaxis(volume, 2, 0), low, high, anatomical, colors, interpolation="antialiased")
