# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from pathlib import PurePath

__all__ = ["NIFTI", "SUFFIXES", "is_image", "split_suffix"]

NIFTI = (".nii", ".nii.gz")
SUFFIXES = (*NIFTI, ".png", ".jpg", ".jpeg", ".bmp", ".npy", ".nrrd", ".dcm")
"""Of files that are taken for images."""


def split_suffix(name: str) -> tuple[str, str]:
    """The name of a file without its suffix, and the suffix: the longest known one, else what follows the last dot."""
    known = max((len(s) for s in SUFFIXES if name.lower().endswith(s)), default=0)
    return (name[:-known], name[-known:]) if known else os.path.splitext(name)


def is_image(path: str | os.PathLike, suffixes: tuple[str, ...] = SUFFIXES) -> bool:
    """Whether the name of a file ends in one of the suffixes, in small or capital letters."""
    return PurePath(path).name.lower().endswith(suffixes)
