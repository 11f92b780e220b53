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

from .tiny_network import TINY_CLASSIFIER, TINY_GAN

MODALITIES = ("t1", "t1ce", "t2", "flair")
PHANTOM: dict[str, Any] = {
    "subjects": 10,
    "spacing": 6.0,
    "healthy_fraction": 0.0,
    "workers": 0,
    "counterfactuals": [0.7, 1.3],
}
TINY_TRAINING: dict[str, Any] = {
    "phantom": PHANTOM,
    "spatial_size": [32, 40],
    "pixdim": [6.0, 6.0, -1.0],
    "slice_range": [8, 20],
    "epochs": 1,
    "batch_size": 8,
    "min_lesion_pixels": 2,
    "panel_interval": 1,
    "validation_step": 2,
    "test_step": 4,
    "autocast": "float32",
}
"""One epoch on the phantom, for the training of any bundle of brain MR."""
ELLIPSES: dict[str, Any] = {"kind": "ellipses", "size": 32, "per_class": [8, 4, 4], "workers": 0}
TINY_ELLIPSES: dict[str, Any] = {
    "phantom": ELLIPSES,
    "spatial_size": [32, 32],
    "epochs": 1,
    "batch_size": 4,
    "warmup": 1,
    "panel_interval": 1,
    "autocast": "float32",
    **TINY_GAN,
}
"""The same on the set of ellipses, for ``descargan``; its default network does not train in a second."""
SITES: dict[str, Any] = {
    "groups": [
        {"site": "A", "lesion": None, "training": 4, "validation": 2, "test": 2},
        {"site": "A", "lesion": "ms", "training": 6, "validation": 2, "test": 2},
        {"site": "B", "lesion": "ms", "training": 6, "validation": 2, "test": 2},
        {"site": "C", "lesion": None, "training": 4, "validation": 2, "test": 2},
        {"site": "D", "lesion": None, "training": 4, "validation": 2, "test": 2},
    ],
    "contrasts": ["flair"],
    "twin": False,
    "spacing": 6.0,
    "workers": 0,
}
TINY_SITES: dict[str, Any] = {
    "phantom": SITES,
    "spatial_size": [33, 33, 33],
    "pixdim": [6.0, 6.0, 6.0],
    "epochs": 1,
    "batch_size": 6,
    **TINY_CLASSIFIER,
}
"""The same on the phantom by design, for ``l2i_classification``; its network needs one axis of 33."""
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
