# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import numpy as np

from .style import BACKGROUND, DIM, MAP_COLORS, TEXT, new_figure, save_figure

__all__ = ["confusion_figure"]

CELL, ACROSS = 3.6, 6
"""Size of a matrix in inches, and how many stand side by side."""


def confusion_figure(
    path: str | os.PathLike, matrices: Mapping[str, np.ndarray], class_names: Sequence[str], title: str = ""
) -> None:
    """Picture of confusion matrices: how many cases of each class are called what; color is the share of the row.

    The row of a class without cases is gray.

    Args:
        path: PNG to write.
        matrices: part of an evaluation -> counts (K, K), a row per true class.
        class_names: K names.
        title: written above.
    """
    from matplotlib import colormaps

    across = min(len(matrices), ACROSS)
    rows = -(-len(matrices) // across)
    figure = new_figure(CELL * across + 1, CELL * rows + 1)
    axes = figure.subplots(rows, across, squeeze=False).ravel()
    for axis, (name, matrix) in zip(axes, matrices.items(), strict=False):
        size = matrix.sum(1, keepdims=True)
        share = np.where(size > 0, matrix / np.maximum(size, 1), np.nan)
        axis.imshow(share, cmap=colormaps[MAP_COLORS].with_extremes(bad=DIM), vmin=0, vmax=1)
        for (row, column), count in np.ndenumerate(matrix):
            color = BACKGROUND if share[row, column] > 0.6 else TEXT
            axis.text(column, row, str(count), color=color, ha="center", va="center", fontsize=12)
        axis.set_xticks(range(len(class_names)), class_names, color=TEXT)
        axis.set_yticks(range(len(class_names)), class_names, color=TEXT)
        axis.set_xlabel("called", color=TEXT)
        axis.set_ylabel("true", color=TEXT)
        axis.set_title(name, color=TEXT)
    for axis in axes[len(matrices) :]:
        axis.remove()
    figure.suptitle(title, color=TEXT)
    figure.tight_layout()
    save_figure(figure, path)
