# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..utils import (
    NIFTI,
    DataError,
    files_in,
    is_image,
    read_nifti,
    split_suffix,
    walk,
    whole_labels,
)
from .assemble_datalist import assemble_datalist
from .brats import MODALITIES
from .existing import existing_folder
from .patients import match_patient

__all__ = ["make_brats_slices_datalist"]


def make_brats_slices_datalist(
    root: str | os.PathLike,
    *,
    modalities: Sequence[str] = MODALITIES,
    subject: str | None = None,
    seed: int = 0,
    split: Sequence[float] = (0.8, 0.1, 0.1),
) -> dict[str, Any]:
    """List BraTS slices in the folder layout of the public code of chapters 5 and 7 (JuliaWolleb/diffusion-anomaly).

    ``training/<slice>/brats_train_<patient>_<modality>_<number>_w.nii.gz`` with the mask as modality ``seg``,
    ``testing/<slice>/`` the same without the mask, which is ``test_labels/<slice>-label.nii.gz``. The test section is
    the folder ``testing``; ``training`` is split by patient. A slice is diseased when its mask has any lesion pixel.

    Args:
        root: the folder that holds ``training``, ``testing`` and ``test_labels``; one of the first two may be absent.
        modalities: the channels, in order.
        subject: regular expression that finds the patient in the name of a file: its first group, or all it matches;
            by default what stands between the second and the third ``_``.
        seed: of the split by patient.
        split: shares of training and validation; a third one is ignored.

    Raises:
        DataError: the folders are missing or empty, no slice is complete, or a patient is in training and testing.
    """
    root = existing_folder(root, "the folders training/, testing/ and test_labels/")
    left_out: list[dict[str, str]] = []
    parts: dict[str, list[dict[str, Any]]] = {}
    for part in ("training", "testing"):
        parts[part] = []
        for folder, names in _slices(root / part):
            try:
                labels = root / "test_labels" if part == "testing" else None
                parts[part].append(_sample(folder, names, modalities, labels, subject))
            except DataError as error:
                left_out.append({"case": str(folder), "reason": str(error)})
    if not parts["training"] and not parts["testing"] and not left_out:
        raise DataError(
            f"{root}: expected slice folders in training/ or testing/, found {sorted(os.listdir(root))[:10]}"
        )
    both = {s["subject"] for s in parts["training"]} & {s["subject"] for s in parts["testing"]}
    if both:
        raise DataError(f"{root}: expected each patient in one of training/ and testing/, found in both {sorted(both)}")
    datalist = assemble_datalist(
        parts["training"] or parts["testing"],
        root=root,
        description="MR slices; test is the folder testing, the rest is split by patient",
        modalities=modalities,
        seed=seed,
        split=(*split[:2], 0) if parts["training"] else (0, 0, 1),
        left_out=left_out,
    )
    datalist["test"] = parts["testing"]
    return datalist


def _slices(part: Path) -> list[tuple[Path, list[Path]]]:
    if not part.is_dir():
        return []
    return [(folder, [p for p in files if is_image(p, NIFTI)]) for folder, files in walk(part) if folder != part]


def _sample(
    folder: Path, names: Sequence[Path], modalities: Sequence[str], labels: Path | None, subject: str | None
) -> dict[str, Any]:
    files: dict[str, Path] = {}
    for path in names:
        fields = path.name.split("_")
        if len(fields) > 4 and fields[3] in files:
            raise DataError(f"{folder}: expected one {fields[3]}, found {files[fields[3]].name} and {path.name}")
        if len(fields) > 4:
            files[fields[3]] = path
    absent = [m for m in modalities if m not in files]
    if absent:
        raise DataError(f"{folder}: expected {', '.join(absent)}, found only {', '.join(files) or 'nothing'}")
    mask = files.get("seg") if labels is None else _label_of(folder, labels)
    if mask is None or not mask.is_file():
        raise DataError(f"{mask or folder}: expected the mask of the slice, found nothing")
    first = files[modalities[0]]
    _, _, patient, _, number = first.name.split("_")[:5]
    if subject is not None:
        patient = match_patient(subject, str(first), first.name)
    number = number.split(".")[0]
    if not (patient and number.isdecimal()):
        raise DataError(f"{first}: expected a name like brats_train_<patient>_t1_<number>_w.nii.gz, found another")
    return {
        "image": [str(files[m]) for m in modalities],
        "mask": str(mask),
        "label": _has_lesion(mask),
        "subject": patient,
        "slice": int(number),
    }


def _label_of(folder: Path, labels: Path) -> Path:
    """Its mask among the labels, whatever the letters of the suffix are."""
    name = f"{folder.name}-label"
    found = [path for path in files_in(labels) if split_suffix(path.name)[0] == name] if labels.is_dir() else []
    return found[0] if found else labels / f"{name}.nii.gz"


def _has_lesion(mask: Path) -> int:
    whole = whole_labels(read_nifti(mask, "a mask")[0])
    if whole is None:
        raise DataError(f"{mask}: expected a mask of whole numbers, found values between them; put a threshold on it")
    return int((whole > 0).any())
