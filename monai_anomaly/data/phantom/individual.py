# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
from scipy import ndimage as ndi

from .anatomy import Anatomy
from .noise import smooth_noise, warp
from .template import load_template
from .variants import add_normal_variants

__all__ = ["make_anatomy"]


def make_anatomy(seed: int, spacing: float = 3.0, deformation: float = 1.0) -> Anatomy:
    """A person: the MNI152 brain scaled, turned and bent, with sulci, ventricles and bright spots of its own.

    The template is an average of 152 brains and has no sharp cortex; its log-probabilities plus band-limited noise
    decide the individual gyri.

    Args:
        seed: the person.
        spacing: voxel size in mm; the person stays the same at every voxel size.
        deformation: how far size, pose and shape differ from the template's; 0: not at all (gyri and sulci still do).
    """
    rng = np.random.default_rng([seed, 11])
    template = load_template(spacing)
    shape = template.shape
    bend = 2.8 * smooth_noise(rng, shape, spacing, 60, 3) + 1.2 * smooth_noise(rng, shape, spacing, 25, 3)
    bend /= spacing
    bend += _size_and_pose(rng, shape)
    bend *= np.float32(deformation)
    maps = warp(np.stack([template.csf, template.gm, template.wm, template.ventricle]), bend)
    tissue, ventricle = maps[:3], maps[3]
    inside = tissue.sum(0)

    gyri = 0.55 * smooth_noise(rng, shape, spacing, 5, 3) + 0.45 * smooth_noise(rng, shape, spacing, 9, 3)
    logit = 1.7 * np.log(tissue + 0.02) + 0.8 * gyri
    regional = smooth_noise(rng, shape, spacing, 70, 2)
    logit[0] += rng.normal(0, 0.40) + 0.45 * regional[0]  # width of the sulci: atrophy
    logit[1] += rng.normal(0, 0.30) + 0.35 * regional[1]  # thickness of the cortex
    logit[0] += ventricle * rng.uniform(0.5, 2.5)
    tissue = np.exp(logit - logit.max(0))
    tissue *= np.clip((inside - 0.35) / 0.3, 0, 1) / tissue.sum(0)
    brain = ndi.binary_fill_holes(tissue.sum(0) > 0.5)
    tissue[:, ~brain] = 0

    chamber = ventricle > 0.4
    anatomy = Anatomy(
        fractions=np.concatenate([tissue, np.zeros((5, *shape), np.float32)]).astype(np.float32),
        brain=brain,
        depth=(ndi.distance_transform_edt(brain) * spacing).astype(np.float32),
        ventricle_distance=(ndi.distance_transform_edt(~chamber) * spacing).astype(np.float32),
        affine=template.affine.copy(),
        spacing=spacing,
        to_template=(bend * spacing).astype(np.float32),
    )
    add_normal_variants(anatomy, np.random.default_rng([seed, 13]))
    return anatomy


def _size_and_pose(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Displacement in voxels of a random scaling (the MNI head is large: 3 % smaller on average) and rotation."""
    scale = np.exp(rng.normal(0.03, 0.035, 3))
    rx, ry, rz = rng.normal(0, np.deg2rad(2.5), 3)
    linear = np.diag(scale) + np.array([[0, -rz, ry], [rz, 0, -rx], [-ry, rx, 0]]) - np.eye(3)
    x = np.meshgrid(*[np.arange(n, dtype=np.float32) - (n - 1) / 2 for n in shape], indexing="ij", sparse=True)
    return np.stack([sum(np.float32(linear[i, j]) * x[j] for j in range(3)) for i in range(3)])
