# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""What all pictures look alike in: a dark ground, the colors of truth and prediction, the way slices are turned."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

__all__ = ["BACKGROUND", "COLORS", "DPI", "PREDICTED", "TEXT", "TRUTH", "draw_outlines", "new_figure", "turn_slice"]

BACKGROUND, TEXT, TRUTH, PREDICTED = "#16181d", "#e6e6e6", "#4fd1ff", "#ff5c8a"
COLORS = (PREDICTED, TRUTH, "#ffd166", "#5ce1a5", "#b794f6", "#ff9f5c")
"""Of the lines of a diagram."""
DPI = 100


def new_figure(width: float, height: float) -> Any:
    """A figure of ``width`` by ``height`` inches that is drawn without a screen."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=DPI, facecolor=BACKGROUND)
    FigureCanvasAgg(figure)
    return figure


def turn_slice(image: np.ndarray, rotate: bool) -> np.ndarray:
    """A slice (X, Y) as rows and columns of a picture.

    Args:
        image: the slice.
        rotate: the second axis grows upwards (axial slices of RAS volumes); False: downwards (X-rays).
    """
    return np.rot90(image) if rotate else image.T


def draw_outlines(axis: Any, outlines: Iterable[tuple[np.ndarray, str, float]], rotate: bool) -> None:
    """Draw the outline of each (region (X, Y), color, line width) that has one."""
    for region, color, width in outlines:
        if region.any() and not region.all():
            axis.contour(turn_slice(region, rotate).astype(float), levels=[0.5], colors=[color], linewidths=width)
