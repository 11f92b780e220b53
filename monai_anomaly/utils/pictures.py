# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Pictures: files without a voxel size, whose intensities are those of an integer type."""

from __future__ import annotations

from typing import Any

__all__ = ["PICTURES", "STORED_BITS", "is_picture", "lacks_spacing"]

PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")

STORED_BITS = "stored_bits"
"""Entry of the metadata: of each channel the bits of the whole numbers >= 0 that its file stores, (C,); 0 where the
file says nothing about the range of its values, as NIfTI."""


def is_picture(image: Any) -> bool:
    """Whether an image is of a picture file: MONAI gives it the affine of an anatomical image, but its y grows down."""
    return _file(image).endswith(PICTURES)


def lacks_spacing(image: Any) -> bool:
    """Whether the file of a 2D image (C, H, W) knows no size of a pixel, as pictures and NumPy arrays."""
    return image.ndim == 3 and _file(image).endswith((*PICTURES, ".npy"))


def _file(image: Any) -> str:
    return str(getattr(image, "meta", {}).get("filename_or_obj", "")).lower()
