# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
from scipy import ndimage as ndi

from .template import FIELD_OF_VIEW

__all__ = ["smooth_noise", "warp"]

_VARIANCE = (151 / 315) ** 3  # mean of the squared tensor-product cubic B-spline over its shifts


def _spline_matrix(points: np.ndarray, step: float, knots: int) -> np.ndarray:
    """Uniform cubic B-splines with ``knots`` control points every ``step``, at ``points``: (points, knots)."""
    d = np.abs((points / step + 1.0)[:, None] - np.arange(knots)[None])
    return np.where(d < 1, 2 / 3 - d**2 + d**3 / 2, np.where(d < 2, (2 - d) ** 3 / 6, 0)).astype(np.float32)


def smooth_noise(
    rng: np.random.Generator, shape: tuple[int, ...], spacing: float, fwhm: float, count: int = 1
) -> np.ndarray:
    """Band-limited Gaussian noise of mean 0 and variance 1: random control points of a cubic B-spline.

    The control points lie every ``fwhm / 2`` mm in the field of view whatever the voxel size, so that one seed is one
    field at every resolution.

    Args:
        rng: the source of randomness.
        shape: (X, Y, Z) of the grid that covers the field of view.
        spacing: voxel size in mm.
        fwhm: width of a blob in mm.
        count: how many independent fields.

    Returns:
        (count, X, Y, Z), float32.
    """
    step = fwhm / 2
    knots = [int(np.ceil(n / step)) + 4 for n in FIELD_OF_VIEW]
    bases = [_spline_matrix(np.arange(n) * spacing, step, k) for n, k in zip(shape, knots, strict=True)]
    out = np.empty((count, *shape), np.float32)
    for field in out:
        control = rng.standard_normal(knots, dtype=np.float32)
        # one matrix product per axis, the innermost last so that it runs on contiguous memory
        z = np.tensordot(bases[0], control, axes=(1, 0))
        z = np.matmul(bases[1], z)
        np.matmul(z, bases[2].T, out=field)
    out /= np.float32(np.sqrt(_VARIANCE))
    return out


def warp(volumes: np.ndarray, displacement: np.ndarray) -> np.ndarray:
    """Pull back ``volumes`` (N, X, Y, Z) along ``displacement`` (3, X, Y, Z) in voxels, linearly; outside is 0."""
    grid = np.empty_like(displacement)
    for i, n in enumerate(displacement.shape[1:]):
        grid[i] = displacement[i] + np.arange(n, dtype=np.float32).reshape([-1 if i == j else 1 for j in range(3)])
    return np.stack([ndi.map_coordinates(v, grid, order=1, mode="constant") for v in volumes])
