# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..utils import (
    NIFTI,
    class_label,
    is_image,
    listed,
    other_formats,
    split_suffix,
    walk,
)
from .assemble_datalist import assemble_datalist
from .brain_mask_names import BRAIN_MASKS, UNSAID_MASK, is_mask_beside
from .cases import group_cases, match_masks
from .decathlon import NAME, read_dataset, refuse_decathlon
from .existing import existing_folder
from .names import MASK, NameReader
from .patients import name_patients, patient_note

__all__ = ["MODALITIES", "make_brats_datalist"]

MODALITIES = ("t1", "t1ce", "t2", "flair")


def make_brats_datalist(
    root: str | os.PathLike,
    *,
    modalities: Sequence[str] = MODALITIES,
    label: int = 1,
    mask: str | None = None,
    subject: str | None = None,
    seed: int = 0,
    split: Sequence[float] = (0.8, 0.1, 0.1),
    folds: int | None = None,
    fold: int | None = None,
) -> dict[str, Any]:
    """List the volumes of BraTS folders, or of any folders with one NIfTI file per modality.

    A case is the files of one folder whose names differ in the modality only: ``<case>_<modality>.nii[.gz]`` (BraTS
    2020, 2021), ``<case>-<modality>.nii.gz`` (BraTS 2023), plainly ``<modality>.nii.gz``, or BIDS; at any depth below
    ``root``, and several cases in one folder if need be. A mask may lie in another folder, under the case's name, as in
    ``derivatives`` of ISLES 2022. The subject is read from the names, see
    :func:`monai_anomaly.data.patients.name_patients`.

    A case without one of the modalities, or with two files for one, is left out and listed with the reason; so is a
    case without a segmentation when others have one. Files with unknown names are listed under ``unmatched``; so is
    ``<case>_t1_mask.nii.gz`` beside ``<case>_t1.nii.gz``, which may be the brain's.

    Args:
        root: the folder.
        modalities: the channels, in order.
        label: class of every volume; all BraTS patients have a tumor. :class:`SliceDataset` labels the slices by mask.
        mask: the spelling of the masks, e.g. ``"GlistrBoost"``; None: the usual ones.
        subject: regular expression that finds the patient in the path below ``root``: its first group, or all it
            matches.
        seed: of the split by patient.
        split: shares of training, validation and test.
        folds: number of folds of a cross-validation, in place of a split with the share of the test.
        fold: which of them is tested, from 0 on.

    Raises:
        DataError: the folder is missing or empty, no case is complete, or the label is no class.
    """
    expected = f"NIfTI files <case>_<modality>.nii.gz with the modalities {', '.join(modalities)}"
    root = existing_folder(root, expected)
    refuse_decathlon(root / NAME, read_dataset(root))
    label = class_label(label, "label")
    reader = NameReader(modalities, mask)
    found, unmatched, left_out = [], [], []
    for folder, files in walk(root):
        if reason := other_formats(files, NIFTI):
            left_out.append({"case": str(folder), "reason": reason})
        cases, rest = group_cases([p for p in files if is_image(p, NIFTI)], reader, modalities)
        found += [(folder / case.name if len(cases) > 1 else folder, case) for case in cases]
        unmatched += rest
    unmatched = match_masks([case for _, case in found], unmatched, reader)
    has_masks = any(MASK in case.files for _, case in found)
    usable = []
    for where, case in found:
        if reason := case.problem([*modalities, MASK] if has_masks else modalities):
            left_out.append({"case": str(where), "reason": reason})
        else:
            usable.append(case)
    firsts = [case.files[modalities[0]][0] for case in usable]
    patients = name_patients(firsts, [case.name for case in usable], root, subject)
    samples: list[dict[str, Any]] = []
    for case, patient in zip(usable, patients, strict=True):
        sample: dict[str, Any] = {"image": [str(case.files[m][0]) for m in modalities]}
        if has_masks:
            sample["mask"] = str(case.files[MASK][0])
        samples.append({**sample, "label": label, "subject": patient})
    return assemble_datalist(
        samples,
        root=root,
        description=f"MR volumes with {', '.join(modalities)}, one NIfTI file each, split by patient",
        modalities=modalities,
        seed=seed,
        split=split,
        folds=folds,
        fold=fold,
        left_out=left_out,
        unmatched=unmatched,
        notes=[*patient_note(firsts, patients, root, subject), *_unsaid_masks(unmatched, root, mask)],
    )


def _unsaid_masks(unmatched: Sequence[Path], root: Path, mask: str | None) -> list[str]:
    """A line about masks that may be those of the brain; none when the user said how masks are spelled."""
    stems = {path: split_suffix(path.name)[0].casefold() for path in unmatched if is_mask_beside(path)}
    files = [path for path, stem in stems.items() if stem.endswith(UNSAID_MASK) and not stem.endswith(BRAIN_MASKS)]
    if mask is not None or not files:
        return []
    unsaid = (path.relative_to(root).as_posix() for path in files)
    return [f"masks of the brain or of the lesion, left out: {listed(unsaid)}; --mask mask takes them for the lesion's"]
