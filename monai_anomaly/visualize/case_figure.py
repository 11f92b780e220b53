# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from typing import Any

import numpy as np

from .signed_difference import symmetric_limit
from .slice_figure import draw_slices, show_volume, spread_slices
from .style import PREDICTED, draw_outlines

__all__ = ["case_figure"]


def case_figure(
    path: str | os.PathLike,
    image: np.ndarray,
    healthy: np.ndarray,
    score: np.ndarray,
    mask: np.ndarray,
    title: str = "",
    rows: int = 4,
    anatomical: bool = True,
    difference: np.ndarray | None = None,
) -> None:
    """Picture of one case: input, healthy reconstruction, anomaly map and the outline of the mask.

    Args:
        path: PNG to write.
        image: one channel, (X, Y) or (X, Y, Z) in RAS order, [0, 1].
        healthy: its reconstruction, same shape.
        score: the map, same shape.
        mask: the mask, same shape.
        title: written above.
        rows: slices shown of a volume: those with the highest map, in their order; those with a map of 0, which
            were not translated, only when all are.
        anatomical: x grows to the right and y upwards (RAS volumes); False: y grows downwards (photographs, X-rays).
        difference: reconstruction - image with its sign, same shape, which gets a column of its own: red where the
            reconstruction is brighter, blue where it is darker.
    """
    if image.ndim == 2:
        image, healthy, score, mask = (v[..., None] for v in (image, healthy, score, mask))
        difference = None if difference is None else difference[..., None]
    highest = np.sort(score.reshape(-1, score.shape[2]), axis=0)[-max(1, score[..., 0].size // 100) :].mean(0)
    chosen = spread_slices(highest, (score != 0).any(axis=(0, 1)), rows)
    top = float(np.quantile(score[..., chosen], 0.999)) or 1.0
    show_input = show_volume(image, 0, 1, anatomical)

    def outline(axis: Any, z: int) -> None:
        show_input(axis, z)
        draw_outlines(axis, [(mask[..., z], PREDICTED, 1.2)], anatomical)

    columns = {
        "input": show_input,
        "healthy reconstruction": show_volume(healthy, 0, 1, anatomical),
    }
    if difference is not None:
        limit = symmetric_limit([difference[..., chosen]], percentile=99.9)
        columns["signed difference"] = show_volume(difference, -limit, limit, anatomical, "RdBu_r")
    columns |= {"anomaly map": show_volume(score, 0, top, anatomical, "inferno"), "mask": outline}
    draw_slices(path, columns, chosen, image.shape[:2], title)
