# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
from scipy import ndimage as ndi

from .anatomy import Anatomy
from .contrast import Relaxation
from .lesion import Lesion
from .noise import smooth_noise, warp

__all__ = ["APART", "EDEMA", "ENHANCING", "NECROSIS", "make_tumor"]

NECROSIS, EDEMA, ENHANCING = 1, 2, 4
"""Classes of BraTS: necrotic or non-enhancing core, edema with infiltration, enhancing tumor."""


APART = 60.0
"""Least distance in mm between the two places of a tumor."""


def make_tumor(anatomy: Anatomy, seed: int, size: float = 1.0, elsewhere: bool = False) -> Lesion:
    """A glioma: core, rim, edema along the white matter, and the push on the tissue around it.

    Every tumor has a look of its own: ring-enhancing, patchy, not enhancing at all, or a core dark on FLAIR and bright
    on T2 (the T2-FLAIR mismatch); its edema may differ little from healthy tissue.

    Args:
        anatomy: the person.
        seed: the disease.
        size: factor on the radii of core and edema; what the tumor pushes aside follows, its lobes and patches grow
            with it, its tissues and the thickness of its rim stay.
        elsewhere: put the same tumor at another place.
    """
    rng = np.random.default_rng([seed, 37])
    shape, spacing = anatomy.shape, anatomy.spacing
    kind = rng.choice(["ring", "patchy", "diffuse", "mismatch"], p=[0.50, 0.22, 0.16, 0.12])
    core, reach = size * rng.uniform(10, 22), size * rng.uniform(10, 22)
    rim = rng.uniform(2.5, 5.0)
    push = rng.uniform(0.02, 0.10)
    stretch = np.exp(rng.normal(0, 0.15, 3)).astype(np.float32)
    tissues = _tissues(kind, rng)
    lobes = 0.16 * smooth_noise(rng, shape, spacing, 14)[0] + 0.06 * smooth_noise(rng, shape, spacing, 6)[0]
    patches = smooth_noise(rng, shape, spacing, 7)[0]
    cloud = smooth_noise(rng, shape, spacing, 16)[0]
    center = _place(anatomy, rng)
    if size != 1 or elsewhere:
        way = _way_elsewhere(anatomy, seed, center) if elsewhere else np.zeros(3, np.float32)
        here = (center - anatomy.affine[:3, 3]) / spacing
        center = center + np.float32(spacing) * way
        lobes, patches, cloud = (_moved(field, here, way, size) for field in (lobes, patches, cloud))

    x = np.stack(np.broadcast_arrays(*[a - c for a, c in zip(anatomy.axes_mm(), center, strict=True)]))
    r = np.sqrt(((x / stretch[:, None, None, None]) ** 2).sum(0))
    displacement = _mass_effect(x, r, core, push * core**3, anatomy)
    white, fluid, inside = warp(np.stack([anatomy.white, anatomy.fluid, anatomy.fractions.sum(0)]), displacement)
    inside = inside * anatomy.brain

    lumpy = r * (1 + lobes)
    mass = np.clip((core - lumpy) / 1.5 + 0.5, 0, 1) * inside
    if kind == "ring":
        enhancing = mass - np.clip((core - rim - lumpy) / 1.5 + 0.5, 0, 1) * inside
        enhancing = enhancing * np.clip(0.85 + 0.25 * patches, 0.25, 1)
    elif kind == "patchy":
        enhancing = mass * np.clip(0.5 + 0.7 * patches, 0, 1)
    else:
        enhancing = np.zeros_like(mass)
    extent = core + reach * np.clip(0.25 + 1.15 * white, 0, 1.2)  # vasogenic edema follows white matter
    edema = np.clip((extent - lumpy) / 3.0 + 0.5, 0, 1) * (0.25 + 0.75 * white) * np.clip(1.25 - fluid, 0, 1)
    edema = np.clip(edema * inside - mass, 0, 1) * (1 - mass)

    label = np.where(edema > 0.3, EDEMA, 0)
    label = np.where(mass > 0.5, np.where(enhancing > 0.45, ENHANCING, NECROSIS), label)
    infiltration = edema * np.clip(0.8 + 0.3 * cloud, 0.3, 1)  # an annotator sees the extent, not the amount
    fractions = np.stack([mass - enhancing, infiltration, enhancing]).astype(np.float32)
    return Lesion(fractions, tissues, (label * anatomy.brain).astype(np.uint8), displacement)


def _tissues(kind: str, rng: np.random.Generator) -> list[Relaxation]:
    """Magnetic properties of core, edema and enhancing part; 3 T, between published bounds."""
    if kind == "mismatch":
        core = Relaxation(rng.uniform(2700, 3300), rng.uniform(250, 450), 0.95)
    elif kind == "diffuse":
        core = Relaxation(rng.uniform(1500, 2000), rng.uniform(120, 190), 0.87)
    else:
        core = Relaxation(rng.uniform(1900, 3600), rng.uniform(180, 700), 0.95, 0.05)
    wet = rng.uniform(1.15, 1.75)  # edema between white matter and full-blown
    edema = Relaxation(870 + 730 * wet, 70 + 95 * wet, 0.71 + 0.16 * wet, 0.05)
    enhancing = Relaxation(rng.uniform(1400, 1800), rng.uniform(95, 140), 0.86, rng.uniform(0.5, 1.8))
    return [core, edema, enhancing]


def _place(anatomy: Anatomy, rng: np.random.Generator) -> np.ndarray:
    """Center in mm: white matter of a hemisphere, 14 mm or more below the surface, above the brain stem."""
    origin = anatomy.affine[:3, 3]
    good = (anatomy.white > 0.6) & (anatomy.depth > 14)
    for _ in range(10_000):
        point = rng.uniform([-60, -85, -16], [60, 60, 60])
        voxel = tuple(np.round((point - origin) / anatomy.spacing).astype(int))
        if abs(point[0]) > 14 and good[voxel]:
            return point.astype(np.float32)
    raise RuntimeError("no white matter to put a tumor into")


def _way_elsewhere(anatomy: Anatomy, seed: int, center: np.ndarray) -> np.ndarray:
    """From the center to one far from it, in whole voxels, so that the tumor keeps its shape."""
    rng = np.random.default_rng([seed, 41])
    for _ in range(1000):
        way = np.round((_place(anatomy, rng) - center) / anatomy.spacing)
        if np.linalg.norm(way) * anatomy.spacing >= APART:
            return way.astype(np.float32)
    raise RuntimeError(f"no white matter {APART:g} mm from the tumor to put it into")


def _moved(field: np.ndarray, center: np.ndarray, way: np.ndarray, size: float) -> np.ndarray:
    """What is around the center, magnified and moved on by ``way``, both in voxels."""
    inverse = np.full(3, 1 / size)
    return ndi.affine_transform(field, inverse, center - inverse * (center + way), order=1, mode="mirror")


def _mass_effect(x: np.ndarray, r: np.ndarray, core: float, volume: float, anatomy: Anatomy) -> np.ndarray:
    """Backward displacement in voxels of a radial push that keeps volume, fading toward the skull.

    What lies at radius r came from cbrt(r^3 - volume); inside the core the push grows with the enclosed volume.
    """
    r = np.maximum(r, 0.5)
    source = np.cbrt(np.maximum(r**3 - volume * np.clip(r / core, 0, 1) ** 3, 0))
    u = (r - source) * np.exp(-((np.maximum(r - core, 0) / 45.0) ** 2)) * np.clip(anatomy.depth / 12.0, 0, 1)
    return (-(u / r)[None] * x / anatomy.spacing).astype(np.float32)
