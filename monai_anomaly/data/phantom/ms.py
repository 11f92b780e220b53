# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
from scipy import ndimage as ndi

from .anatomy import Anatomy
from .contrast import Relaxation
from .lesion import Lesion
from .noise import smooth_noise

__all__ = ["MS_LESION", "make_ms"]

MS_LESION = 5


def make_ms(anatomy: Anatomy, seed: int, severity: float = 1.0, size: float = 1.0) -> Lesion:
    """Lesions like those of multiple sclerosis: 6 to 21 ovoids in white matter, most of them at the ventricles.

    The long axis points away from the ventricle (Dawson's fingers). ``label`` is 5 in every lesion.

    Args:
        anatomy: the person.
        seed: the disease.
        severity: factor on the number of lesions, of which there is at least one. A milder disease has some of the
            lesions of a more severe one.
        size: factor on their radii.
    """
    rng = np.random.default_rng([seed, 23])
    shape, spacing = anatomy.shape, anatomy.spacing
    d = anatomy.ventricle_distance
    height = anatomy.axes_mm()[2] > -20  # few lesions lie in the brain stem and the cerebellum
    weight = np.where(anatomy.white > 0.6, np.exp(-d / 9.0) + 0.08, 0) * height * (d > 0)
    cumulative = np.cumsum(weight.ravel(), dtype=np.float64)
    outward = np.stack(np.gradient(ndi.gaussian_filter(d, 6 / spacing)))
    wobble = 0.18 * smooth_noise(rng, shape, spacing, 8)[0]
    share = np.zeros(shape, np.float32)

    def draw() -> tuple[tuple, float, float]:
        center = np.unravel_index(np.searchsorted(cumulative, rng.uniform(0, cumulative[-1])), shape)
        return center, size * np.exp(rng.normal(np.log(3.2), 0.40)), rng.uniform(0.45, 1.0)

    usual = int(rng.integers(6, 22))
    lesions = [draw() for _ in range(usual)]
    tissue = Relaxation(rng.uniform(1300, 1700), rng.uniform(125, 180), 0.86)
    count = max(1, round(severity * usual))
    lesions += [draw() for _ in range(count - usual)]
    for center, radius, strength in lesions[:count]:
        axis = outward[:, center[0], center[1], center[2]]
        axis = axis / (np.linalg.norm(axis) + 1e-6)
        reach = int(np.ceil((2.2 * radius + 3) / spacing))
        box = tuple(slice(max(0, c - reach), min(n, c + reach + 1)) for c, n in zip(center, shape, strict=True))
        offsets = [spacing * (np.arange(s.start, s.stop) - c) for s, c in zip(box, center, strict=True)]
        x = np.stack(np.meshgrid(*offsets, indexing="ij"))
        along = np.einsum("i,ixyz->xyz", axis, x)
        r = np.sqrt(np.maximum((x**2).sum(0) - along**2, 0) + (along / 1.7) ** 2) / radius + wobble[box]
        share[box] = np.maximum(share[box], strength * np.clip((1.25 - r) / 0.35, 0, 1))
    share *= np.clip(1.6 * anatomy.white + 0.1, 0, 1) * anatomy.brain
    return Lesion(share[None], [tissue], np.where(share > 0.3, MS_LESION, 0).astype(np.uint8))
