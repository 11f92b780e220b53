# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os

__all__ = ["SUFFIXES", "split_suffix"]

SUFFIXES = (".nii", ".nii.gz", ".png", ".jpg", ".jpeg", ".bmp", ".npy", ".nrrd", ".dcm")
"""Of files that are taken for images."""


def split_suffix(name: str) -> tuple[str, str]:
    """The name of a file without its suffix, and the suffix: the longest known one, else what follows the last dot."""
    known = max((len(s) for s in SUFFIXES if name.lower().endswith(s)), default=0)
    return (name[:-known], name[-known:]) if known else os.path.splitext(name)
