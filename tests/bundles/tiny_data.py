# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Tiny data: coarse phantoms and a few ellipses, with overrides that train on them, and made-up cases."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from PIL import Image

from monai_anomaly.apps.zoo.tiny_training import ELLIPSES, PHANTOM, SITES, TINY_ELLIPSES, TINY_SITES, TINY_TRAINING

__all__ = [
    "ELLIPSES",
    "MODALITIES",
    "NATIVE",
    "ODD_AFFINE",
    "PHANTOM",
    "SITES",
    "TINY_ELLIPSES",
    "TINY_SITES",
    "TINY_TRAINING",
    "write_case",
    "write_picture",
]

MODALITIES = ("t1", "t1ce", "t2", "flair")
NATIVE: dict[str, Any] = {"spatial_size": [16, 16], "pixdim": [-1.0, -1.0, -1.0]}
"""Cases of `write_case` as they are, for the inference."""
ODD_AFFINE = np.array([[0, -4.0, 0, 60], [-4.0, 0, 0, 70], [0.3, 0, 5.0, -40], [0, 0, 0, 1]])
"""Axes exchanged and mirrored, and one of them oblique."""


def write_case(
    folder: Path,
    shape: Sequence[int] = (16, 16, 4),
    affine: np.ndarray | None = None,
    names: Sequence[str] = MODALITIES,
    nan: bool = False,
) -> Path:
    """A noisy block in the dark, a file per modality; with ``nan`` one voxel of T2 is NaN."""
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True)
    inside = tuple(slice(3 * size // 16, size - 3 * size // 16) for size in shape[:2])
    for name in names:
        values = np.zeros(shape, dtype=np.float32)
        values[inside] = 100 + 20 * rng.random(values[inside].shape)
        if nan and name == "t2":
            values[8, 8, 1] = np.nan
        nib.save(nib.Nifti1Image(values, np.eye(4) if affine is None else affine), folder / f"{name}.nii.gz")
    return folder


def write_picture(path: Path, size: Sequence[int] = (32, 32), seed: int = 0) -> Path:
    """A noisy 16-bit PNG of (width, height)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 2**16, (size[1], size[0]), dtype=np.uint16)
    Image.fromarray(pixels).save(path)
    return path
