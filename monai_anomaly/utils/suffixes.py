# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path, PurePath

from .pictures import PICTURES

__all__ = ["NIFTI", "SUFFIXES", "is_image", "other_formats", "split_suffix"]

NIFTI = (".nii", ".nii.gz")
SUFFIXES = (*NIFTI, *PICTURES, ".npy", ".nrrd", ".dcm")
"""Of files that are taken for images."""
_OTHER = (".nrrd", ".dcm", ".ima", ".mgz", ".mgh", ".img", ".hdr", ".mha", ".mhd", ".mnc")


def split_suffix(name: str) -> tuple[str, str]:
    """The name of a file without its suffix, and the suffix: the longest known one, else what follows the last dot."""
    known = max((len(s) for s in SUFFIXES if name.lower().endswith(s)), default=0)
    return (name[:-known], name[-known:]) if known else os.path.splitext(name)


def is_image(path: str | os.PathLike, suffixes: tuple[str, ...] = SUFFIXES) -> bool:
    """Whether the name of a file ends in one of the suffixes, in small or capital letters."""
    return PurePath(path).name.lower().endswith(suffixes)


def other_formats(files: Iterable[Path], suffixes: tuple[str, ...] = SUFFIXES) -> str | None:
    """A message about the files of a folder that are images in formats that are not read; None where there are none.

    Args:
        files: of a folder.
        suffixes: of the images that are read.
    """
    found = [path.name for path in files if is_image(path, _OTHER) and not is_image(path, suffixes)]
    if not found:
        return None
    return (
        f"expected images in files {', '.join(suffixes)}, found {len(found)} of another kind,"
        f" e.g. {found[0]}: convert them"
    )
