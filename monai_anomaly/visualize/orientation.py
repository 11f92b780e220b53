# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Which way is up in a picture."""

from __future__ import annotations

import numpy as np

__all__ = ["turn_slice", "turn_upright"]


def turn_slice(image: np.ndarray, rotate: bool) -> np.ndarray:
    """A slice (X, Y) as rows and columns of a picture.

    Args:
        image: the slice.
        rotate: the second axis grows upward (axial slices of RAS volumes); False: downward (photographs, X-rays).
    """
    return np.rot90(image) if rotate else image.T


def turn_upright(image: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """A slice or volume with its axes turned to right, anterior, superior."""
    import nibabel as nib

    volume = image[..., None] if image.ndim == 2 else image
    axes = nib.orientations.io_orientation(affine)
    turned: np.ndarray = nib.orientations.apply_orientation(volume, axes)
    return turned.squeeze(int(axes[2, 0])) if image.ndim == 2 else turned
