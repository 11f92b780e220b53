# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os

import numpy as np

from ..utils import atomic_path
from .panel_figure import BACKGROUND, PREDICTED, TEXT

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
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if image.ndim == 2:
        image, healthy, score, mask = (v[..., None] for v in (image, healthy, score, mask))
    translated = np.flatnonzero(score.any((0, 1))) if score.any() else np.arange(score.shape[2])
    highest = np.sort(score.reshape(-1, score.shape[2]), axis=0)[-max(1, score[..., 0].size // 100) :].mean(0)
    # neighbouring slices look alike: one from each part of the stack
    parts = np.array_split(translated, min(3 * rows, len(translated)))
    best = [int(p[np.argmax(highest[p])]) for p in parts]
    chosen = sorted(sorted(best, key=lambda z: -highest[z])[:rows])
    top = float(np.quantile(score[..., chosen], 0.999)) or 1.0
    tall, wide = (image.shape[1], image.shape[0])
    figure = Figure(figsize=(12, 0.5 + 3 * len(chosen) * tall / wide), dpi=100, facecolor=BACKGROUND)
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(chosen), 4, squeeze=False)
    for row, z in zip(axes, chosen, strict=True):
        cells = [v[..., z].T for v in (image, healthy, score, image)]
        for axis, cell, name in zip(
            row, cells, ("input", "healthy reconstruction", "anomaly map", "mask"), strict=True
        ):
            gray = name != "anomaly map"
            origin = "lower" if anatomical else "upper"
            axis.imshow(cell, cmap="gray" if gray else "inferno", vmin=0, vmax=1 if gray else top, origin=origin)
            axis.set_axis_off()
            if z == chosen[0]:
                axis.set_title(name, color=TEXT, fontsize=11)
        if mask[..., z].any():
            row[3].contour(mask[..., z].T, levels=[0.5], colors=PREDICTED, linewidths=1.2)
    figure.suptitle(title, color=TEXT, fontsize=12)
    figure.tight_layout()
    with atomic_path(path) as temporary:
        figure.savefig(temporary, facecolor=BACKGROUND)
