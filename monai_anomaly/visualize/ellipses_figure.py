# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from ..data.ellipses.geometry import make_ellipses
from .twin_figure import twin_figure

__all__ = ["ellipse_figure"]


def ellipse_figure(path: str | os.PathLike, threshold: float, size: int = 256, seed: int = 0, rows: int = 3) -> Path:
    """Draw images of both classes.

    Args:
        path: the PNG to write.
        threshold: of the mask, as share of the intensity range.
        size: pixels a side of each image.
        seed: of the first image.
        rows: how many images of each class.
    """
    cases = []
    for k in range(seed, seed + rows):
        healthy, diseased = make_ellipses(k, size), make_ellipses(k + rows, size, diseased=True)
        mask = np.abs(diseased.twin - diseased.image) / 2 > threshold
        cases.append((healthy.image, diseased.image, diseased.twin, mask))
    return twin_figure(cases, path)
