# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..utils import atomic_path
from .style import BACKGROUND, TEXT, new_figure, turn_slice

__all__ = ["DrawCell", "SliceGrid", "pick_by_size", "show_images"]

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 16.0, 0.75, 0.1, 0.95, 0.75
"""Figure size and margins in inches."""

DrawCell = Callable[[Any, int], Any]
"""Draw slice number ``i`` of a set on an axis."""


class SliceGrid:
    """A picture with one row a slice and one column a view of it.

    Args:
        columns: title -> how to draw the column.
        picked: the slices, from the top.
        labels: of the rows.
        shape: (X, Y) of a slice.
        width: of the picture, inches.
    """

    def __init__(
        self,
        columns: Mapping[str, DrawCell],
        picked: Sequence[int],
        labels: Sequence[str],
        shape: Sequence[int],
        width: float = WIDTH,
    ) -> None:
        height = TOP + BOTTOM + len(picked) * (width - LEFT - RIGHT) / len(columns) * shape[1] / shape[0]
        figure = new_figure(width, height)
        margins = {"left": LEFT / width, "right": 1 - RIGHT / width, "bottom": BOTTOM / height, "top": 1 - TOP / height}
        grid = figure.add_gridspec(len(picked), len(columns), **margins, wspace=0.03, hspace=0.03)
        axes = grid.subplots(squeeze=False)
        for axis in axes.flat:
            axis.set(xticks=[], yticks=[], facecolor="black")
            axis.spines[:].set_visible(False)
        self.figure, self.height = figure, height
        self.lowest = dict(zip(columns, axes[-1], strict=True))
        self.drawn: dict[str, Any] = {}
        for (name, draw), column in zip(columns.items(), axes.T, strict=True):
            column[0].set_title(name, color=TEXT, fontsize=12, pad=6)
            for axis, index in zip(column, picked, strict=True):
                self.drawn[name] = draw(axis, index)
        for axis, label in zip(axes[:, 0], labels, strict=True):
            axis.set_ylabel(label, color=TEXT, fontsize=10)

    def color_bar(self, column: str) -> None:
        """Explain a column's colors below it."""
        box = self.lowest[column].get_position()
        place = (box.x0 + 0.08 * box.width, box.y0 - 0.2 / self.height, 0.84 * box.width, 0.1 / self.height)
        bar = self.figure.colorbar(self.drawn[column], cax=self.figure.add_axes(place), orientation="horizontal")
        bar.ax.tick_params(colors=TEXT, labelsize=9, length=2)
        bar.outline.set_visible(False)

    def legend(self, column: str, lines: Sequence[tuple[str, str]]) -> None:
        """Explain a column's outlines below it, (text, color) each."""
        box = self.lowest[column].get_position()
        for i, (text, color) in enumerate(lines):
            y = box.y0 - (0.2 + 0.22 * i) / self.height
            self.figure.text(box.x0 + box.width / 2, y, f"— {text}", color=color, fontsize=11, ha="center", va="center")

    def save(self, path: str | os.PathLike, title: str = "") -> None:
        """Write a PNG with the title above."""
        self.figure.suptitle(title, color=TEXT, fontsize=13, y=1 - 0.18 / self.height, va="top")
        with atomic_path(path) as temporary:
            self.figure.savefig(temporary, facecolor=BACKGROUND)


def show_images(
    images: np.ndarray,
    low: float,
    high: float,
    rotate: bool,
    colors: str = "gray",
    interpolation: str = "bicubic",
) -> DrawCell:
    """How to draw the slices of a stack (N, X, Y) between two values.

    Args:
        images: the slices.
        low: shown as the first color.
        high: shown as the last color.
        rotate: see :py:func:`turn_slice`.
        colors: matplotlib's name of a color map.
        interpolation: ``"nearest"`` for masks.
    """

    def draw(axis: Any, index: int) -> Any:
        image = turn_slice(images[index], rotate).astype(np.float32)
        return axis.imshow(image, cmap=colors, vmin=low, vmax=high, interpolation=interpolation)

    return draw


def pick_by_size(
    sizes: np.ndarray, diseased: np.ndarray, healthy: np.ndarray, rows: int, healthy_rows: int
) -> list[int]:
    """Slices that show the range: diseased ones evenly over the lesion sizes, then healthy ones evenly over the set.

    Args:
        sizes: lesion pixels, (N,).
        diseased: which slices count as diseased, (N,) bool.
        healthy: which count as healthy, (N,) bool.
        rows: number of slices wanted.
        healthy_rows: how many of them are healthy, as far as there are any.

    Returns:
        Indices, largest lesion first; fewer than ``rows`` when there are not so many slices.
    """
    with_lesion, without = np.flatnonzero(diseased), np.flatnonzero(healthy)
    with_lesion = with_lesion[np.argsort(-sizes[with_lesion], kind="stable")]
    count = min(len(without), max(healthy_rows, rows - len(with_lesion)))
    return [*_spread(with_lesion, rows - count), *_spread(without, count)]


def _spread(indices: np.ndarray, count: int) -> list[int]:
    """``count`` of the indices, evenly spaced, the first and the last included."""
    places = np.linspace(0, len(indices) - 1, min(max(count, 0), len(indices)))
    return [int(indices[i]) for i in places.round().astype(int)]
