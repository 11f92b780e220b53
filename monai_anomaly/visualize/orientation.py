# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Which way is up in a picture."""

from __future__ import annotations

import numpy as np

__all__ = ["turn_slice", "turn_upright", "turn_vectors"]


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


def turn_vectors(field: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """Vectors (D, ...) of a slice or volume, turned with its axes: the two components (2, ...) along the first two axes
    of what `turn_upright` gives."""
    import nibabel as nib

    axes = nib.orientations.io_orientation(affine)
    parts = {int(axis): sign * turn_upright(part, affine) for part, (axis, sign) in zip(field, axes, strict=False)}
    return np.stack([parts[axis] for axis in sorted(parts)[:2]])
