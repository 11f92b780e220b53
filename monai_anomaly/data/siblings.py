# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ..utils import DataError, files_in, is_image
from .names import NameReader

__all__ = ["find_siblings"]


def find_siblings(file: str | os.PathLike, modalities: Sequence[str]) -> list[str]:
    """The files beside this one that differ from it in the modality of their names only, like ``p_t1_080.nii.gz`` and
    ``p_flair_080.nii.gz``.

    Args:
        file: the file of one modality, named by it.
        modalities: names of the channels, in order.

    Returns:
        one path per modality, in order; empty when the name of ``file`` holds no modality.

    Raises:
        DataError: when the file of a modality is missing, or there are two.
    """
    path = Path(file)
    reader = NameReader(modalities)
    own = reader.read(path)
    if own is None or own.role not in modalities:
        return []
    found = {own.role: [str(path)]}
    for other in files_in(path.parent):
        name = reader.read(other)
        if is_image(other) and name is not None and name.key == own.key and name.role != own.role:
            found.setdefault(name.role, []).append(str(other))
    if missing := [m for m in modalities if m not in found]:
        raise DataError(f"{path}: expected files beside it for each of {list(modalities)}, found none for {missing}")
    for modality in modalities:
        if len(found[modality]) > 1:
            raise DataError(f"{path}: expected one {modality} of its case, found {' and '.join(found[modality])}")
    return [found[m][0] for m in modalities]
