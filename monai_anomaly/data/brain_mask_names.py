# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""How tools name what they make of a scan: the mask of the brain, and the scan without the rest of the head."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from ..utils import NIFTI, files_in, is_image, split_suffix

__all__ = ["BIDS_BRAIN_MASK", "BRAIN_MASKS", "MASK_ENDINGS", "STRIPPED", "UNSAID_MASK", "is_mask_beside", "scans_named"]

BIDS_BRAIN_MASK = "_desc-brain_mask"
BRAIN_MASKS = ("_bet_mask", "_brain_mask", "_brainmask", BIDS_BRAIN_MASK)
"""Endings that say the mask of the brain and nothing else."""

UNSAID_MASK = "_mask"
"""Behind the name of a scan: the mask of its brain, or of its lesion."""

MASK_ENDINGS = ("_bet", *BRAIN_MASKS[:1], UNSAID_MASK, *BRAIN_MASKS[1:3])
"""Behind the name of a scan: HD-BET 2.x, HD-BET 1.x, and what other tools write; ``_bet`` alone is a mask in 2.x and
the brain in 1.x."""

STRIPPED = ("_bet", "_brain")


def is_mask_beside(path: str | os.PathLike) -> bool:
    """Whether a file is, by its name, the brain mask or the stripped volume of another one beside it."""
    path = Path(path)
    stem, suffix = split_suffix(path.name)
    for ending in (*MASK_ENDINGS, *STRIPPED):
        if stem.casefold().endswith(ending) and scans_named(path, [stem[: -len(ending)]], suffix):
            return True
    if not stem.casefold().endswith(BIDS_BRAIN_MASK):
        return False
    scan = stem[: -len(BIDS_BRAIN_MASK)] + "_"
    return any(p.name.startswith(scan) and p != path and is_image(p, NIFTI) for p in files_in(path.parent))


def scans_named(path: Path, stems: Iterable[str], suffix: str) -> list[Path]:
    """The files beside one that have these names, with its suffix or another of NIfTI: HD-BET makes .nii.gz of .nii."""
    suffixes = dict.fromkeys((suffix, *NIFTI))
    files = [path.with_name(stem + ending) for stem in dict.fromkeys(stems) for ending in suffixes]
    return [file for file in files if file.is_file()]
