# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import numpy as np

from .style import BACKGROUND, MAP_COLORS, TEXT, new_figure, save_figure

__all__ = ["confusion_figure"]

CELL = 3.6
"""Size of a matrix in inches."""


def confusion_figure(
    path: str | os.PathLike, matrices: Mapping[str, np.ndarray], class_names: Sequence[str], title: str = ""
) -> None:
    """Picture of confusion matrices: how many cases of each class are called what; color is the share of the row.

    Args:
        path: PNG to write.
        matrices: part of an evaluation -> counts (K, K), a row per true class.
        class_names: K names.
        title: written above.
    """
    figure = new_figure(CELL * len(matrices) + 1, CELL + 1)
    axes = figure.subplots(1, len(matrices), squeeze=False)[0]
    for axis, (name, matrix) in zip(axes, matrices.items(), strict=True):
        share = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
        axis.imshow(share, cmap=MAP_COLORS, vmin=0, vmax=1)
        for (row, column), count in np.ndenumerate(matrix):
            color = BACKGROUND if share[row, column] > 0.6 else TEXT
            axis.text(column, row, str(count), color=color, ha="center", va="center", fontsize=12)
        axis.set_xticks(range(len(class_names)), class_names, color=TEXT)
        axis.set_yticks(range(len(class_names)), class_names, color=TEXT)
        axis.set_xlabel("called", color=TEXT)
        axis.set_ylabel("true", color=TEXT)
        axis.set_title(name, color=TEXT)
    figure.suptitle(title, color=TEXT)
    figure.tight_layout()
    save_figure(figure, path)
