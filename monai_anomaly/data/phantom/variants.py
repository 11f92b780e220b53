# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""What is bright in a healthy brain. Without it a threshold on FLAIR would find every lesion."""

from __future__ import annotations

import numpy as np

from .anatomy import Anatomy
from .noise import smooth_noise

__all__ = ["add_normal_variants"]

_CSF, _GRAY, _WHITE, _BRIGHT_GRAY, _GLIOSIS, _VESSEL, _PLEXUS, _PULSATING = range(8)


def add_normal_variants(anatomy: Anatomy, rng: np.random.Generator) -> None:
    """Move tissue of ``anatomy.fractions`` to its bright variants, in place.

    Limbic and insular gray matter; caps, halo and small foci of white matter; vessels in the sulci and the sagittal
    sinus (bright after contrast agent); choroid plexus; fluid that pulsates and escapes the suppression of FLAIR.
    """
    f, shape, spacing = anatomy.fractions, anatomy.shape, anatomy.spacing
    x, y, z = anatomy.axes_mm()
    age = np.exp(rng.normal(0, 0.6))  # how far the caps reach and how many foci there are
    wide, mid = smooth_noise(rng, shape, spacing, 40, 2), smooth_noise(rng, shape, spacing, 14, 3)
    fine = smooth_noise(rng, shape, spacing, 7, 3)

    limbic = np.exp(-(((np.abs(x) - 36) / 12) ** 2 + ((y - 2) / 24) ** 2 + ((z + 4) / 20) ** 2))
    limbic = limbic + np.exp(-((x / 10) ** 2 + ((z - 18) / 26) ** 2)) * 0.8
    _move(f, _GRAY, _BRIGHT_GRAY, np.clip(0.25 + 0.55 * limbic + 0.35 * wide[0] + 0.15 * mid[0], 0, 1))

    d = anatomy.ventricle_distance
    horns = 0.35 + np.exp(-(((y - 26) / 16) ** 2)) + np.exp(-(((y + 46) / 20) ** 2))
    caps = horns * np.exp(-d / (2.0 + 1.6 * age)) * (1 + 0.35 * mid[1])
    foci = np.clip((fine[0] + 0.35 * fine[1] - 3.3 + 0.35 * age) / 0.4, 0, 1)
    _move(f, _WHITE, _GLIOSIS, np.clip(np.maximum(caps, foci), 0, 1))

    tubes = np.clip(1.3 - np.hypot(mid[2], 1.5 * fine[2]) / 0.35, 0, 1)  # zero lines of two fields are curves in space
    sinus = np.exp(-((x / 4) ** 2)) * np.exp(-((anatomy.depth / 6) ** 2)) * (z > 5)
    in_sulci = d > 6
    _move(f, _CSF, _VESSEL, np.clip(tubes * in_sulci + sinus, 0, 1) * 0.8)
    _move(f, _GRAY, _VESSEL, tubes * in_sulci * 0.25)

    trigone = np.exp(-(((np.abs(x) - 22) / 9) ** 2) - ((y + 36) / 12) ** 2 - ((z - 6) / 14) ** 2)
    _move(f, _CSF, _PLEXUS, np.clip(2 * trigone + 0.6 * fine[1] - 0.9, 0, 0.8) * (d < 1))

    flow = np.clip(0.30 + 0.45 * wide[1] + 0.3 * np.exp(-(((z + 30) / 20) ** 2)), 0, 1) * np.exp(rng.normal(-0.4, 0.5))
    _move(f, _CSF, _PULSATING, np.clip(flow, 0, 1))


def _move(fractions: np.ndarray, source: int, target: int, share: np.ndarray) -> None:
    moved = fractions[source] * share.astype(np.float32)
    fractions[source] -= moved
    fractions[target] += moved
