# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from .slice_figure import draw_slices, show_volume, spread_slices
from .style import BACKGROUND, COLORS, TEXT, draw_outlines

__all__ = ["segmentation_figure"]


def segmentation_figure(
    path: str | os.PathLike,
    image: np.ndarray,
    mean: np.ndarray,
    variance: np.ndarray,
    mask: np.ndarray,
    title: str = "",
    rows: int = 4,
    anatomical: bool = True,
    names: Sequence[str] = (),
    window: tuple[float, float] | None = None,
) -> None:
    """Picture of one segmented case: input, mean and variance of the ensemble, and the outline of the mask.

    Of several regions the mean and the variance of each pixel are those of the region where they are highest.

    Args:
        path: PNG to write.
        image: one channel, (X, Y) or (X, Y, Z) in RAS order, in any range.
        mean: share of the samples, (K, X, Y) or (K, X, Y, Z) for K regions, [0, 1].
        variance: over the samples, like the mean.
        mask: of each region, like the mean.
        title: written above.
        rows: slices shown of a volume: those with the largest mask and variance, in their order; those without
            either only when there is no other.
        anatomical: x grows to the right and y upwards (RAS volumes); False: y grows downwards (photographs, X-rays).
        names: of the regions, for a legend; none is drawn of a single region.
        window: intensities shown as black and white; None: the percentiles 0.5 and 99.8 of the slices shown.
    """
    if image.ndim == 2:
        image, mean, variance, mask = (v[..., None] for v in (image, mean, variance, mask))
    highest, uncertain = mean.max(0), variance.max(0)
    found = (mask.any(0) + uncertain).sum((0, 1))
    chosen = spread_slices(found if found.any() else highest.sum((0, 1)), found > 0, rows)
    low, high = window or np.percentile(image[..., chosen], (0.5, 99.8))
    top = float(uncertain[..., chosen].max()) or 0.25
    colors = [COLORS[i % len(COLORS)] for i in range(len(mask))]
    show_input = show_volume(image, low, high, anatomical)

    def outline(axis: Any, z: int) -> None:
        show_input(axis, z)
        regions = [(region[..., z], color, 1.2) for region, color in zip(mask, colors, strict=True)]
        draw_outlines(axis, regions, anatomical)
        if z == chosen[0] and len(names) > 1:
            _legend(axis, names, colors)

    columns = {
        "input": show_input,
        "mean": show_volume(highest, 0, 1, anatomical),
        f"variance, 0 to {top:.2g}": show_volume(uncertain, 0, top, anatomical, "inferno"),
        "mask": outline,
    }
    draw_slices(path, columns, chosen, image.shape[:2], title)


def _legend(axis: Any, names: Sequence[str], colors: Sequence[str]) -> None:
    from matplotlib.lines import Line2D

    lines = [Line2D([], [], color=color, label=name) for name, color in zip(names, colors, strict=True)]
    axis.legend(handles=lines, loc="lower right", fontsize=9, labelcolor=TEXT, facecolor=BACKGROUND, framealpha=0.6)
