# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""What an affine says about a grid: how far it moves a volume, how large its voxels are."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from .errors import DataError

__all__ = ["RAS_TO_LPS", "UNITS", "check_voxel_size", "corner_distance", "voxel_size"]

RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""Between the coordinates of NIfTI and those of DICOM and ITK; its own inverse."""

UNITS = {1e-3: "microns", 1e3: "meters"}
"""Units of length beside mm that a header can name: millimeters of each, and its name."""

PLAUSIBLE = (0.001, 100.0)
"""Voxel sizes in mm beyond which an image is not one of a part of a body."""

_USUAL = (0.1, 10.0)
"""Voxel sizes of a person's scan: a number in here is one of mm, whatever unit a header claims."""


def corner_distance(affine: Any, other: Any, shape: Sequence[int]) -> float:
    """Return the largest distance [mm] between where two affines put the corners of a volume.

    Unlike a comparison of matrix entries it has a meaning that does not depend on the size of the image.

    Args:
        affine: (4, 4), voxel index to world.
        other: (4, 4), compared with it.
        shape: spatial shape; up to three entries, missing ones count as 1.
    """
    ends = [(0, n - 1) for n in (*shape, 1, 1, 1)[:3]]
    corners = np.array([(*corner, 1.0) for corner in itertools.product(*ends)])
    difference = np.asarray(affine, dtype=float) - np.asarray(other, dtype=float)
    return float(np.linalg.norm((corners @ difference.T)[:, :3], axis=1).max())


def voxel_size(affine: Any) -> np.ndarray:
    """Voxel size [mm] along the axes of the array, (3,), or (2,) of a 3 x 3 affine."""
    size: np.ndarray = np.linalg.norm(np.asarray(affine, dtype=float)[:-1, :-1], axis=0)
    return size


def check_voxel_size(
    path: str | os.PathLike,
    affine: Any,
    shape: Sequence[int],
    low: float = PLAUSIBLE[0],
    high: float = PLAUSIBLE[1],
    unit: float = 1.0,
) -> None:
    """Say so when voxels are too small or too large to be true; resampled, such an image would fill any memory.

    Args:
        path: the file, for the message.
        affine: (4, 4), or (3, 3) of a 2D image.
        shape: spatial shape; along an axis of length one any size will do.
        low: smallest size in mm.
        high: largest size in mm.
        unit: of the file's header in mm, which ``affine`` has been multiplied by. Where the numbers are usual sizes in
            mm but no scan of a person has these sizes in the unit, the unit is wrong.

    Raises:
        DataError: names the file and the sizes, and the unit that would explain them.
    """
    size = np.array([s for s, n in zip(voxel_size(affine), shape, strict=False) if n > 1])
    mislabeled = unit != 1 and _within(size / unit, *_USUAL) and not _within(size, *_USUAL)
    if _within(size, low, high) and not mislabeled:
        return
    if mislabeled:
        low, high = max(low, _USUAL[0]), min(high, _USUAL[1])
        hint = f"; its header says {UNITS[unit]}: are they mm? then correct its unit (xyzt_units)"
    else:
        hint = next((f"; written in {name}?" for mm, name in UNITS.items() if _within(size * mm, low, high)), "")
    found = " x ".join(f"{s:.3g}" for s in size)
    raise DataError(f"{path}: expected voxels of {low:g} to {high:g} mm, found {found} mm{hint}")


def _within(size: np.ndarray, low: float, high: float) -> bool:
    return bool(((size >= low) & (size <= high)).all())
