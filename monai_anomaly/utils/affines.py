# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""What an affine says about a grid: how far it moves a volume, how large its voxels are."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from .errors import DataError

__all__ = ["check_voxel_size", "corner_distance", "voxel_size"]

PLAUSIBLE = (0.001, 100.0)
"""Voxel sizes in mm beyond which an image is not one of a part of a body."""


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
    name: Any, affine: Any, shape: Sequence[int], low: float = PLAUSIBLE[0], high: float = PLAUSIBLE[1]
) -> None:
    """Say so when voxels are too small or too large to be true; resampled, such an image would fill any memory.

    Args:
        name: of the file, for the message.
        affine: (4, 4), or (3, 3) of a 2D image.
        shape: spatial shape; along an axis of length one any size will do.
        low: smallest size in mm.
        high: largest size in mm.

    Raises:
        DataError: names the file and the sizes, and the unit that would explain them.
    """
    size = np.array([s for s, n in zip(voxel_size(affine), shape, strict=False) if n > 1])
    if ((size >= low) & (size <= high)).all():
        return
    units = {"microns": 1e-3, "meters": 1e3}
    guess = [f"; written in {u}?" for u, mm in units.items() if ((size * mm >= low) & (size * mm <= high)).all()]
    found = " x ".join(f"{s:.3g}" for s in size)
    raise DataError(f"{name}: expected voxels of {low:g} to {high:g} mm, found {found} mm{''.join(guess[:1])}")
