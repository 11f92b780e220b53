# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from ..utils import SUFFIXES, DataError, split_suffix
from .brats import SPELLINGS

__all__ = ["find_siblings", "split_modality"]


def find_siblings(file: str | os.PathLike, modalities: Sequence[str]) -> list[str]:
    """The files beside this one that differ from it in the modality of their names only, like ``p_t1_080.nii.gz`` and
    ``p_flair_080.nii.gz``.

    Args:
        file: the file of one modality, named by it.
        modalities: names of the channels, in order.

    Returns:
        one path a modality, in order; empty when the name of ``file`` holds no modality.

    Raises:
        DataError: when the file of a modality is missing.
    """
    path = Path(file)
    own = split_modality(path, modalities)
    if own is None:
        return []
    found = {own[0]: str(path)}
    for other in sorted(path.parent.iterdir()):
        parts = split_modality(other, modalities)
        if parts is not None and parts[1:] == own[1:]:
            found.setdefault(parts[0], str(other))
    if missing := [m for m in modalities if m not in found]:
        raise DataError(f"{path}: expected files beside it for each of {list(modalities)}, found none for {missing}")
    return [found[m] for m in modalities]


def split_modality(path: Path, modalities: Sequence[str]) -> tuple[str, str, str] | None:
    """The modality in a file's name, and what stands before and behind it, in small letters; None without one."""
    stem, suffix = split_suffix(path.name.lower())
    if suffix not in SUFFIXES:
        return None
    token = {s.lower(): m for m in modalities for s in SPELLINGS.get(m, (m,))}
    spellings = "|".join(re.escape(s) for s in sorted(token, key=len, reverse=True))
    match = re.search(rf"(?:^|(?<=[_-]))({spellings})(?=[_-]|$)", stem)
    return None if match is None else (token[match.group(1)], stem[: match.start()], stem[match.end() :])
