# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .datalist import assemble_datalist, existing_folder

__all__ = ["MODALITIES", "make_brats_datalist"]

MODALITIES = ("t1", "t1ce", "t2", "flair")

# how releases spell a modality: BraTS 2020 and 2021, then BraTS 2023 and later
SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "t1": ("t1", "t1n", "t1w"),
    "t1ce": ("t1ce", "t1c", "t1gd"),
    "t2": ("t2", "t2w"),
    "flair": ("flair", "t2f"),
}
# "segm": one case of BraTS 2020 (355) is spelled W39_1998.09.19_Segm
MASK_SPELLINGS = ("seg", "segm", "seg_fused", "lesion")


def make_brats_datalist(
    root: str | os.PathLike,
    *,
    modalities: Sequence[str] = MODALITIES,
    label: int = 1,
    seed: int = 0,
    split: Sequence[float] = (0.8, 0.1, 0.1),
) -> dict[str, Any]:
    """List the volumes of BraTS folders, or of any folders with one NIfTI file a modality.

    A case is a folder that holds ``<case>_<modality>.nii[.gz]`` (BraTS 2020, 2021), ``<case>-<modality>.nii.gz``
    (BraTS 2023) or plainly ``<modality>.nii.gz``, at any depth below ``root``. The subject is ``<case>`` (without the
    number of the visit in BraTS 2023) or, for plain names, the first folder below ``root``.

    A case without one of the modalities is left out and listed with the reason, as is a case without a segmentation
    when others have one.

    Args:
        root: the folder.
        modalities: the channels, in order.
        label: class of every volume; all BraTS patients have a tumor. :class:`SliceDataset` labels the slices by mask.
        seed: of the split by patient.
        split: shares of training, validation and test.

    Raises:
        DataError: the folder is missing or empty, or no case is complete.
    """
    expected = f"NIfTI files <case>_<modality>.nii.gz with the modalities {', '.join(modalities)}"
    root = existing_folder(root, expected)
    cases = [(folder, files) for folder in _folders(root) if (files := _modality_files(folder, modalities))]
    has_masks = any("mask" in files for _, files in cases)
    samples, left_out = [], []
    for folder, files in cases:
        absent = [m for m in modalities if m not in files]
        if has_masks and "mask" not in files:
            absent.append("seg")
        if absent:
            found = ", ".join(sorted(path.name for path in files.values()))
            left_out.append({"case": str(folder), "reason": f"expected {', '.join(absent)}, found only {found}"})
            continue
        sample: dict[str, Any] = {"image": [str(files[m]) for m in modalities]}
        if has_masks:
            sample["mask"] = str(files["mask"])
        samples.append({**sample, "label": label, "subject": _subject(files[modalities[0]], root)})
    return assemble_datalist(
        samples,
        root=root,
        description=f"MR volumes with {', '.join(modalities)}, one NIfTI file each, split by patient",
        modalities=modalities,
        seed=seed,
        split=split,
        left_out=left_out,
    )


def _folders(root: Path) -> list[Path]:
    return [root, *sorted(path for path in root.rglob("*") if path.is_dir())]


def _stem(path: Path) -> str:
    return re.sub(r"\.nii(\.gz)?$", "", path.name)


def _modality_files(folder: Path, modalities: Sequence[str]) -> dict[str, Path]:
    """Find the file of each modality, and of the mask, in one folder; empty when it is not the folder of a case."""
    out: dict[str, Path] = {}
    for path in sorted(folder.glob("*.nii*")):
        for key in (*modalities, "mask"):
            spellings = MASK_SPELLINGS if key == "mask" else SPELLINGS.get(key, (key,))
            if re.search(rf"(^|[_-])({'|'.join(spellings)})$", _stem(path).casefold()):
                out.setdefault(key, path)
    return out if any(m in out for m in modalities) else {}


def _subject(path: Path, root: Path) -> str:
    case = re.sub(r"(^|[_-])[^_-]+$", "", _stem(path))
    if not case:
        parts = path.parent.relative_to(root).parts
        return parts[0] if parts else path.parent.resolve().name
    visit = re.fullmatch(r"(BraTS-[A-Za-z]+-\d+)-\d+", case)
    return visit.group(1) if visit else case
