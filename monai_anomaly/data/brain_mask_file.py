# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..registration import MOST_OUTSIDE, Volume
from ..utils import DataError, read_nifti, split_suffix
from .brain_mask_names import BIDS_BRAIN_MASK, MASK_ENDINGS, STRIPPED, scans_named

__all__ = ["find_brain_mask", "load_brain_mask"]


def find_brain_mask(image: str | os.PathLike, exclude: Sequence[str | os.PathLike] = ()) -> Path | None:
    """The brain mask that lies beside an image, as HD-BET (1.x, 2.x) or a tool with BIDS names wrote it.

    Names alone do not tell: ``scan_bet.nii.gz`` is the mask of HD-BET 2.x and the stripped volume of 1.x. So the
    content decides: a mask holds 0 and one other value. Without a mask a stripped volume serves: what is above 0.

    Args:
        image: ``scan.nii.gz``, or what a tool made of it: ``scan_bet.nii.gz`` (the brain) finds
            ``scan_bet_mask.nii.gz``.
        exclude: files that are other masks.

    Returns:
        the file; None when there is no such file.

    Raises:
        DataError: when such a file cannot be read, when none named a mask is one, or when several masks differ.
    """
    path = Path(image)
    others = {Path(p).resolve() for p in (path, *exclude)}
    stems, suffix = _stems(path)
    names = [stem + ending for stem in stems for ending in MASK_ENDINGS] + [_bids(stems[0])]
    candidates = _existing(path, names, suffix, others)
    values = {p: _read(p).values for p in candidates}
    masks = [p for p, v in values.items() if _is_mask(v)]
    # by what stands behind the name of the scan, which may have these letters itself
    named = [p for p in candidates if split_suffix(p.name)[0].endswith("mask")]
    if named and not masks:
        raise DataError(f"{named[0]}: expected a brain mask (0 and one other value), found an image of more values")
    if not masks:
        stripped = _existing(path, [stems[-1] + ending for ending in STRIPPED], suffix, others)
        return stripped[0] if stripped else None
    for other in masks[1:]:
        if not np.array_equal(values[other] > 0, values[masks[0]] > 0):
            raise DataError(f"{path}: expected one brain mask beside it, found {masks[0].name} and {other.name}")
    return masks[0]


def load_brain_mask(file: str | os.PathLike, like: Volume) -> np.ndarray:
    """A mask from its file, on the grid of a scan (nearest neighbor, by the affines), (X, Y, Z) of bool.

    Raises:
        DataError: when it cannot be read, is empty, or more than 2 % of it lie outside of the scan.
    """
    mask = _read(file).above_zero()
    if not mask.values.any():
        raise DataError(f"{file}: expected a brain mask, found nothing in it")
    outside = mask.share_outside(like)
    if outside > MOST_OUTSIDE:
        raise DataError(
            f"{file}: expected a mask of this scan, found one of {mask.milliliters:.0f} ml of which {outside:.0%} lie"
            " outside of it: do their headers agree?"
        )
    return mask.pulled(np.eye(4), like, order=0).values > 0


def _is_mask(values: np.ndarray) -> bool:
    found = np.unique(values)
    return len(found) == 2 and found[0] == 0


def _read(file: str | os.PathLike) -> Volume:
    values, geometry = read_nifti(file, "a brain mask")
    if values.ndim != 3:
        raise DataError(f"{file}: expected a brain mask of 3 axes, found the shape {values.shape}")
    return Volume(values.astype(np.float32), geometry.affine)


def _stems(path: Path) -> tuple[list[str], str]:
    """The name without its suffix, and, of a stripped volume, that of the scan; and the suffix."""
    stem, suffix = split_suffix(path.name)
    return [stem, *(stem[: -len(e)] for e in STRIPPED if stem.endswith(e))], suffix


def _bids(stem: str) -> str:
    """In BIDS the mask replaces what is behind the last underscore."""
    return (stem.rpartition("_")[0] or stem) + BIDS_BRAIN_MASK


def _existing(path: Path, names: Sequence[str], suffix: str, others: set[Path]) -> list[Path]:
    return [p for p in scans_named(path, names, suffix) if p.resolve() not in others]
