# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import nibabel as nib
import numpy as np

from ..registration import Volume
from ..utils import DataError, split_suffix

__all__ = ["find_brain_mask", "holds_a_mask", "load_brain_mask"]

_ENDINGS = ("_bet", "_bet_mask", "_mask", "_brain_mask", "_brainmask")
"""HD-BET 2.x, HD-BET 1.x, and what other tools write; ``_bet`` alone is a mask in 2.x and the brain in 1.x."""


def find_brain_mask(image: str | os.PathLike) -> Path | None:
    """The brain mask that lies beside an image, as HD-BET (1.x, 2.x) or a tool with BIDS names wrote it.

    Names alone do not tell: ``scan_bet.nii.gz`` is the mask of HD-BET 2.x and the stripped volume of 1.x. So the
    content decides: a mask holds 0 and one other value.

    Args:
        image: ``scan.nii.gz``, or what a tool made of it: ``scan_bet.nii.gz`` (the brain) finds
            ``scan_bet_mask.nii.gz``.

    Returns:
        the file; None when no file of such a name is there.

    Raises:
        DataError: when files of such names are there and none of them is a mask, or several are that differ.
    """
    path = Path(image)
    candidates = [p for p in _candidates(path) if p.is_file() and p != path]
    masks = [p for p in candidates if holds_a_mask(p)]
    named = [p for p in candidates if "mask" in p.name]
    if named and not masks:
        raise DataError(f"{named[0]}: expected a brain mask (0 and one other value), found an image of more values")
    if not masks:
        return None
    first = _inside(masks[0])
    for other in masks[1:]:
        if not np.array_equal(_inside(other), first):
            raise DataError(f"{path}: expected one brain mask beside it, found {masks[0].name} and {other.name}")
    return masks[0]


def load_brain_mask(file: str | os.PathLike, like: Volume) -> np.ndarray:
    """A mask from its file, on the grid of a scan (nearest neighbor, by the affines), (X, Y, Z) of bool.

    Raises:
        DataError: when it is empty, or more than 2 % of it lie outside of the scan.
    """
    image = nib.Nifti1Image.from_filename(file)
    mask = Volume((np.asanyarray(image.dataobj) > 0).astype(np.float32), np.array(image.affine, dtype=float))
    if not mask.values.any():
        raise DataError(f"{file}: expected a brain mask, found nothing in it")
    found = mask.pulled(np.eye(4), like, order=0)
    share = found.milliliters / mask.milliliters
    if not 0.98 < share < 1.02:
        raise DataError(
            f"{file}: expected a mask of this scan, found one of {mask.milliliters:.0f} ml of which"
            f" {found.milliliters:.0f} ml lie in it"
        )
    return found.values > 0


def holds_a_mask(file: str | os.PathLike) -> bool:
    """Whether an image holds 0 and one other value."""
    values = np.unique(np.asanyarray(nib.Nifti1Image.from_filename(file).dataobj))
    return len(values) == 2 and values[0] == 0


def _inside(file: Path) -> np.ndarray:
    return np.asanyarray(nib.Nifti1Image.from_filename(file).dataobj) > 0


def _candidates(path: Path) -> Iterator[Path]:
    stem, suffix = split_suffix(path.name)
    stems = [stem] + [stem[: -len(e)] for e in ("_bet", "_brain") if stem.endswith(e)]
    for base in stems:
        for ending in _ENDINGS:
            yield path.with_name(base + ending + suffix)
    # BIDS derivatives: the mask replaces the suffix behind the last underscore
    yield path.with_name(f"{stem.rpartition('_')[0] or stem}_desc-brain_mask{suffix}")
