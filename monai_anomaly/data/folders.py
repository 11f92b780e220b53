# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monai.utils import ensure_tuple

from ..utils import SUFFIXES, DataError, class_label, image_files, other_formats, split_suffix, walk
from .assemble_datalist import assemble_datalist
from .existing import existing_folder
from .patients import name_patients, patient_note

__all__ = ["make_folders_datalist"]

CLASSES: Mapping[str, int] = {"healthy": 0, "diseased": 1}


def make_folders_datalist(
    root: str | os.PathLike,
    *,
    classes: Mapping[str, int] = CLASSES,
    subject: str | None = None,
    masks: str = "masks",
    modality: str | Sequence[str] = "image",
    seed: int = 0,
    split: Sequence[float] = (0.8, 0.1, 0.1),
    folds: int | None = None,
    fold: int | None = None,
) -> dict[str, Any]:
    """List the images (2D or volumes, one file each) of one folder per class, at any depth below it.

    Args:
        root: the folder that holds ``healthy`` and ``diseased``.
        classes: class of each folder; every one must have images.
        subject: regular expression that finds the patient in the path below ``root``: its first group, or all it
            matches. By default the patient is the first folder below that of the class that names no visit, or else
            the stem of the file; names of known sets are read as :func:`monai_anomaly.data.patients.name_patients`
            says. Equal names in two classes are one patient.
        masks: folder in ``root`` with masks: ``masks/<class>/`` with the paths and stems of the images, or ``masks/``
            with those of the diseased ones; may be absent. Those that fit no image are listed under ``unmatched``.
            Images of several classes that one mask of ``masks/`` fits are left out.
        modality: name of the channel, or of each that a file holds.
        seed: of the split by patient.
        split: shares of training, validation and test.
        folds: number of folds of a cross-validation, in place of a split with the share of the test.
        fold: which of them is tested, from 0 on.

    Raises:
        DataError: a folder is missing or has no image, or the expression does not match a path.
    """
    if not isinstance(classes, Mapping) or not classes:
        raise DataError(f"classes: expected a class of each folder, like {{'healthy': 0}}, found {classes!r}")
    folders = {str(name): class_label(number, f"classes: {name}") for name, number in classes.items()}
    names = ", ".join(f"{name}/" for name in folders)
    root = existing_folder(root, f"the folders {names}")
    mask_files: dict[str, list[Path]] = {}
    for path in image_files(root / masks) if (root / masks).is_dir() else []:
        mask_files.setdefault(_stem(path, root / masks), []).append(path)
    samples, notes, used = [], [], set()
    left_out: list[dict[str, str]] = []
    images: list[tuple[Path, int, str, str, str]] = []
    fits: dict[str, dict[str, None]] = {}
    for name, label in folders.items():
        expected = f"images ({', '.join(SUFFIXES)})"
        files = image_files(existing_folder(root / name, expected))
        unread = [(folder, other_formats(found)) for folder, found in walk(root / name)]
        left_out += [{"case": str(folder), "reason": reason} for folder, reason in unread if reason]
        if not files:
            others = f" ({left_out[-1]['case']}: {left_out[-1]['reason']})" if left_out else ""
            raise DataError(f"{root / name}: expected {expected}, found none{others}")
        stems = [split_suffix(path.name)[0] for path in files]
        below = root if subject else root / name
        patients = name_patients(files, stems, below, subject, folder_first=True)
        notes += patient_note(files, patients, below, subject)
        for path, patient in zip(files, patients, strict=True):
            stem = _stem(path, root / name)
            own = f"{name}/{stem}"
            key = own if own in mask_files or not label else stem
            fits.setdefault(key, {})[name] = None
            images.append((path, label, patient, own, key))
    for path, label, patient, own, key in images:
        found = mask_files.get(key, [])
        used.update(found)
        shown = " and ".join(map(str, found))
        sample = {"image": str(path), "label": label, "subject": patient}
        if found and key != own and len(fits[key]) > 1:
            reason = f"expected a mask of one image, found {shown} for those of {', '.join(fits[key])}"
            left_out.append({"case": str(path), "reason": f"{reason}: put it into {masks}/<class>/"})
        elif len(found) > 1:
            left_out.append({"case": str(path), "reason": f"expected one mask, found {shown}"})
        else:
            samples.append({**sample, "mask": str(found[0])} if found else sample)
    return assemble_datalist(
        samples,
        root=root,
        description=f"images in {names}, split by patient",
        modalities=ensure_tuple(modality),
        seed=seed,
        split=split,
        folds=folds,
        fold=fold,
        left_out=left_out,
        unmatched=[path for files in mask_files.values() for path in files if path not in used],
        notes=notes,
    )


def _stem(path: Path, folder: Path) -> str:
    return split_suffix(path.relative_to(folder).as_posix())[0]
