# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .orientation import turn_slice
from .style import DPI, GRAY, MAP_COLORS, TEXT, WANTED, new_figure, save_figure

__all__ = ["GridColumn", "Outline", "draw_cell", "draw_grid"]

WIDTH, LEFT, EDGE, LINE = 16.0, 0.75, 0.1, 0.22
"""Width of a picture, of the labels and of an empty margin, height of a line of text, in inches."""
OPACITY = 0.8
"""Of the highest values of an overlay."""
ARROWS = 20
"""Along the longer side of an image."""


@dataclass(frozen=True)
class Outline:
    """The border of a region.

    Attributes:
        name: for the legend below the column; empty: none.
        regions: (N, X, Y) bool, one per row.
        color: of the line.
        width: of the line, points.
    """

    name: str
    regions: np.ndarray
    color: str
    width: float = 1.3


@dataclass(frozen=True)
class GridColumn:
    """One view of all rows of a picture.

    Attributes:
        title: above the column, at most two lines.
        images: (N, X, Y), one per row; NaN is black.
        limits: values that get the first and the last color.
        colors: color map.
        smooth: interpolate between pixels; False for masks.
        outlines: drawn upon the images.
        bar: explain the colors below the column.
        overlay: (N, X, Y), 0 or more, laid over the images in the colors of maps; where it is 0 it is not seen.
        overlay_limits: of its values, as ``limits``; then ``bar`` explains these.
        arrows: (N, 2, X, Y), how far away, in pixels along X and Y, lies what comes to a pixel: some are drawn, from
            there to the pixel.
    """

    title: str
    images: np.ndarray
    limits: tuple[float, float] = (0.0, 1.0)
    colors: str = GRAY
    smooth: bool = True
    outlines: Sequence[Outline] = ()
    bar: bool = False
    overlay: np.ndarray | None = None
    overlay_limits: tuple[float, float] = (0.0, 1.0)
    arrows: np.ndarray | None = None

    @property
    def legend(self) -> list[Outline]:
        """The outlines that are explained."""
        return [outline for outline in self.outlines if outline.name]


def draw_grid(
    path: str | os.PathLike,
    columns: Sequence[GridColumn],
    labels: Sequence[str] = (),
    rotate: bool = True,
    title: str = "",
    cell: float | None = None,
) -> None:
    """Write a PNG with one row per image and one column per view of it.

    Args:
        path: PNG to write.
        columns: what is shown, all of the same number of images of the same size.
        labels: of the rows; none: no room is left for them.
        rotate: see `turn_slice`.
        title: above all.
        cell: width of a column in inches; None: the picture has 1600 pixels.

    Example::

        images = np.random.rand(3, 24, 32)
        columns = [GridColumn("input", images), GridColumn("map", images**2, colors="inferno", bar=True)]
        draw_grid("picture.png", columns, labels=["a", "b", "c"])
    """
    rows, x, y = columns[0].images.shape
    left = LEFT if labels else EDGE
    width = WIDTH if cell is None else left + cell * len(columns) + EDGE
    below = max([len(c.legend) for c in columns] + [2 * c.bar for c in columns])
    top = 2 * LINE * bool(title) + LINE * max(c.title.count("\n") + 1 for c in columns) + EDGE
    bottom = EDGE + below * LINE + (EDGE if below else 0)
    height = top + bottom + rows * (width - left - EDGE) / len(columns) * y / x
    height = round(height * DPI) / DPI
    figure = new_figure(width, height)
    margins = {"left": left / width, "right": 1 - EDGE / width, "bottom": bottom / height, "top": 1 - top / height}
    axes = figure.add_gridspec(rows, len(columns), **margins, wspace=0.03, hspace=0.03).subplots(squeeze=False)
    for column, cells in zip(columns, axes.T, strict=True):
        cells[0].set_title(column.title, color=TEXT, fontsize=12, pad=6)
        for i, axis in enumerate(cells):
            drawn = draw_cell(axis, column, i, rotate)
        _explain(figure, column, cells[-1].get_position(), drawn, height)
    for axis, label in zip(axes[:, 0], labels, strict=False):
        axis.set_ylabel(label, color=TEXT, fontsize=10)
    figure.suptitle(title, color=TEXT, fontsize=13, y=1 - 0.18 / height, va="top")
    save_figure(figure, path)


def draw_cell(axis: Any, column: GridColumn, row: int, rotate: bool) -> Any:
    """Draw one image of a column, with its outlines, on an axis."""
    axis.set(xticks=[], yticks=[], facecolor="black")
    axis.spines[:].set_visible(False)
    image = turn_slice(column.images[row], rotate).astype(np.float32)
    scale = dict(zip(("vmin", "vmax"), column.limits, strict=True))
    smooth = {"interpolation": "bicubic" if column.smooth else "nearest"}
    drawn = axis.imshow(image, cmap=column.colors, **smooth, **scale)
    if column.overlay is not None:
        values = turn_slice(column.overlay[row], rotate).astype(np.float32)
        low, high = column.overlay_limits
        opacity = OPACITY * np.clip((values - low) / (high - low), 0, 1)
        drawn = axis.imshow(values, cmap=MAP_COLORS, vmin=low, vmax=high, alpha=opacity, **smooth)
    for outline in column.outlines:
        region = turn_slice(outline.regions[row], rotate).astype(float)
        if 0 < region.mean() < 1:
            axis.contour(region, levels=[0.5], colors=[outline.color], linewidths=outline.width)
    if column.arrows is not None:
        _draw_arrows(axis, column.arrows[row], rotate)
    return drawn


def _draw_arrows(axis: Any, field: np.ndarray, rotate: bool) -> None:
    """Arrows of a field (2, X, Y) on a coarse grid, none shorter than half a pixel."""
    right, down = (turn_slice(part, rotate) for part in (field[0], -field[1] if rotate else field[1]))
    step = max(1, max(right.shape) // ARROWS)
    rows, columns = (i.ravel() for i in np.mgrid[step // 2 : right.shape[0] : step, step // 2 : right.shape[1] : step])
    x, y = right[rows, columns], down[rows, columns]
    seen = np.hypot(x, y) > 0.5
    rows, columns, x, y = rows[seen], columns[seen], x[seen], y[seen]
    axis.quiver(columns + x, rows + y, -x, -y, angles="xy", scale_units="xy", scale=1, color=WANTED, width=0.006)


def _explain(figure: Any, column: GridColumn, box: Any, drawn: Any, height: float) -> None:
    """Color bar or legend below a column, whose lowest cell is ``box``."""
    if column.bar:
        from matplotlib.ticker import MaxNLocator

        place = (box.x0 + 0.08 * box.width, box.y0 - 0.2 / height, 0.84 * box.width, 0.1 / height)
        ticks = MaxNLocator(max(2, round(1.8 * box.width * figure.get_figwidth())))
        bar = figure.colorbar(drawn, cax=figure.add_axes(place), orientation="horizontal", ticks=ticks)
        bar.ax.tick_params(colors=TEXT, labelsize=9, length=2)
        bar.outline.set_visible(False)
    for i, outline in enumerate(column.legend):
        x, y = box.x0 + box.width / 2, box.y0 - (0.2 + LINE * i) / height
        figure.text(x, y, f"— {outline.name}", color=outline.color, fontsize=11, ha="center", va="center")
