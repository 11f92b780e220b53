# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monai_anomaly.utils import SUFFIXES, DataError, split_suffix

from .datalist import assemble_datalist, existing_folder

__all__ = ["make_folders_datalist"]

CLASSES: Mapping[str, int] = {"healthy": 0, "diseased": 1}


def make_folders_datalist(
    root: str | os.PathLike,
    *,
    classes: Mapping[str, int] = CLASSES,
    subject: str | None = None,
    masks: str = "masks",
    modality: str = "image",
    seed: int = 0,
    split: Sequence[float] = (0.8, 0.1, 0.1),
) -> dict[str, Any]:
    """List the images (2D or volumes, one file each) of one folder a class, at any depth below it.

    Args:
        root: the folder that holds ``healthy`` and ``diseased``.
        classes: class of each folder; every one must have images.
        subject: regular expression that finds the patient in the path below ``root``: its first group, or all it
            matches. By default the patient is the first folder below that of the class, or else the stem of the file;
            equal names in two classes are one patient.
        masks: folder in ``root`` with masks: ``masks/<class>/`` with the paths and stems of the images, or ``masks/``
            with those of the diseased ones; may be absent.
        modality: name of the channel.
        seed: of the split by patient.
        split: shares of training, validation and test.

    Raises:
        DataError: a folder is missing or has no image, or the expression does not match a path.
    """
    names = ", ".join(f"{name}/" for name in classes)
    root = existing_folder(root, f"the folders {names}")
    mask_files = {_stem(path, root / masks): path for path in _images(root / masks)}
    samples = []
    for name, label in classes.items():
        files = _images(existing_folder(root / name, f"images ({', '.join(SUFFIXES)})"))
        if not files:
            raise DataError(f"{root / name}: expected images ({', '.join(SUFFIXES)}), found none")
        for path in files:
            sample = {"image": str(path), "label": label, "subject": _subject(path, root, root / name, subject)}
            stem = _stem(path, root / name)
            mask = mask_files.get(f"{name}/{stem}", mask_files.get(stem) if label else None)
            samples.append(sample if mask is None else {**sample, "mask": str(mask)})
    return assemble_datalist(
        samples,
        root=root,
        description=f"images in {names}, split by patient",
        modalities=[modality],
        seed=seed,
        split=split,
    )


def _images(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file() and p.name.lower().endswith(SUFFIXES))


def _stem(path: Path, folder: Path) -> str:
    return split_suffix(path.relative_to(folder).as_posix())[0]


def _subject(path: Path, root: Path, folder: Path, pattern: str | None) -> str:
    if pattern is None:
        return _stem(path, folder).split("/")[0]
    below = path.relative_to(root).as_posix()
    match = re.search(pattern, below)
    if match is None:
        raise DataError(f"{path}: expected '{below}' to match the subject pattern {pattern!r}, found no match")
    return match.group(1) if match.groups() else match.group()
