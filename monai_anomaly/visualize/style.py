# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""What all pictures share: a dark ground, one color map of each kind, the colors of truth and prediction."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from ..utils import atomic_write

__all__ = [
    "BACKGROUND",
    "COLORS",
    "DIFFERENCE_COLORS",
    "DIM",
    "GRAY",
    "MAP_COLORS",
    "PREDICTED",
    "TEXT",
    "TRUTH",
    "WANTED",
    "new_figure",
    "paint",
    "save_figure",
]

BACKGROUND, TEXT, DIM = "#16181d", "#e6e6e6", "#7d828c"
TRUTH, PREDICTED, WANTED = "#4fd1ff", "#ff5c8a", "#ffd166"
"""Of the outlines of a lesion, of one that was found, and of one that was asked for."""
COLORS = (PREDICTED, TRUTH, WANTED, "#5ce1a5", "#b794f6", "#ff9f5c")
"""Of the lines of a diagram and of the regions of a segmentation."""
GRAY, MAP_COLORS, DIFFERENCE_COLORS = "gray", "inferno", "RdBu_r"
"""Color maps of images and masks; of anomaly maps and uncertainties; of signed values, which are white at 0."""
DPI = 100


def new_figure(width: float, height: float) -> Any:
    """A figure of ``width`` by ``height`` inches that is drawn without a screen."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=DPI, facecolor=BACKGROUND)
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure: Any, path: str | os.PathLike) -> None:
    """Write a PNG, whole or not at all."""
    with atomic_write(path, "wb") as f:  # to a path Matplotlib adds a suffix
        figure.savefig(f, format="png", facecolor=BACKGROUND)


def paint(values: np.ndarray, colors: str) -> np.ndarray:
    """Values in [0, 1] in a color map: red, green and blue along a new last axis, [0, 1]."""
    from matplotlib import colormaps

    painted: np.ndarray = colormaps[colors](np.asarray(values, np.float32))[..., :3]
    return painted
