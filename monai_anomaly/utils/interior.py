# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
from scipy import ndimage

__all__ = ["interior"]


def interior(images: np.ndarray, border: int, background: float, tolerance: float) -> np.ndarray:
    """The brain without its rim.

    A pixel is background when all channels are at most ``background + tolerance``, and it is connected to the edge of
    the image by such pixels: a dark hole in the brain belongs to the brain.

    Args:
        images: (N, C, *spatial).
        border: width of the rim in pixels, all neighbors counted; 0: the brain with its rim.
        background: value around the brain.
        tolerance: above it.

    Returns:
        bool, (N, 1, *spatial); the edge of the image itself is no rim.
    """
    if images.shape[0] == 0:
        return np.zeros((0, 1, *images.shape[2:]), bool)
    brain = np.any(np.asarray(images) > background + tolerance, axis=1)
    filled = np.stack([np.asarray(ndimage.binary_fill_holes(b)) for b in brain])
    if border > 0:
        neighbors = np.ones((3,) * (images.ndim - 2), bool)
        filled = np.stack([np.asarray(ndimage.binary_erosion(b, neighbors, border, border_value=1)) for b in filled])
    return filled[:, None]
