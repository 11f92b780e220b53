# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
import torch
from scipy import ndimage as ndi

from .affine import NUM_PARAMETERS, TRANSLATION_UNIT
from .affine_registration import AffineRegistration, make_registration
from .search import coarse_to_fine
from .similarity import AffineSimilarity
from .template import BrainTemplate
from .volume import Volume

__all__ = ["find_brain"]

_SHELLS = ((3, 0.22), (9, 0.12), (15, 0.95))  # fluid, skull, scalp: outer radius in mm, brightness
_AIR, _BELOW = 28.0, -25.0  # mm: how far out, and how far down, the surroundings of the brain count
_LOG_SCALE = -0.06  # a person's brain against the template's


def find_brain(head: Volume, template: BrainTemplate, seed: int = 0) -> tuple[np.ndarray, AffineRegistration]:
    """The brain in a scan of a whole head: the template's brain mask, laid on it by a registration. Only a fallback.

    The template has no skull, so it is given shells of fluid, skull and scalp in typical brightnesses. These are
    registered with 12 degrees of freedom, from the top of the head on, with a penalty for unlikely sizes and shapes.
    Without the penalty the brain grows until it fills the scalp.

    Args:
        head: the scan, of any contrast, 0 or more.
        template: in MNI space.
        seed: of the random points.

    Returns:
        The brain mask, (X, Y, Z) of bool on the grid of the scan, and the registration.
    """
    shells, inside = _shells(template)
    center = template.image.above_zero().center_of_mass()
    crown = template.box()[1][2] + _SHELLS[-1][0] - center[2]
    similarity = AffineSimilarity(
        shells, head, inside, (center, _under_crown(head, crown)), penalty=_penalty, seed=seed
    )
    found = make_registration(similarity, coarse_to_fine(similarity, _starts(), kept=5))
    mask = template.image.above_zero().pulled(np.linalg.inv(found.matrix), like=head).values > 0.5
    return mask, found


def _shells(template: BrainTemplate) -> tuple[Volume, np.ndarray]:
    """The template's head at 2 mm, in [0, 1], and which of its points count."""
    wide = np.pad(template.image.values, 40)[::2, ::2, ::2]
    affine = template.image.affine @ np.diag([2.0, 2, 2, 1])
    affine[:3, 3] -= template.image.affine[:3, :3] @ np.full(3, 40)
    brain = wide > 0
    distance = ndi.distance_transform_edt(~brain, sampling=2 * template.image.spacing)
    head = wide / wide.max()
    inner = 0
    for outer, brightness in _SHELLS:
        head[(distance > inner) & (distance <= outer)] = brightness
        inner = outer
    height = affine[2, 3] + affine[2, 2] * np.arange(head.shape[2])
    return Volume(head.astype(np.float32), affine), (distance <= 3) | ((distance <= _AIR) & (height > _BELOW))


def _under_crown(head: Volume, depth: float) -> np.ndarray:
    """Where the center of the brain should be in a head, in mm: below its top, in the middle of what is there."""
    values = head.values
    bright = values > 0.15 * np.percentile(values[values > 0], 99)
    labels, _ = ndi.label(ndi.binary_opening(bright))
    largest = labels == 1 + np.argmax(np.bincount(labels.ravel())[1:]) if labels.any() else bright
    points = head.points(largest).double().numpy()
    top = np.percentile(points[:, 2], 99.9)
    upper = points[points[:, 2] > top - 1.5 * depth]
    return np.array([*np.median(upper[:, :2], axis=0), top - depth])


def _starts() -> Iterator[torch.Tensor]:
    """Heights, depths, nods of the head and sizes."""
    for up, back, nod, scale in product(range(-36, 25, 12), (-16, 0, 16), (-0.4, -0.2, 0, 0.2, 0.4), (-0.1, -0.02)):
        p = torch.zeros(NUM_PARAMETERS)
        p[2], p[1], p[3], p[6] = up / TRANSLATION_UNIT, back / TRANSLATION_UNIT, nod, scale
        yield p


def _penalty(p: torch.Tensor) -> torch.Tensor:
    return 3 * (p[6] - _LOG_SCALE) ** 2 + 4 * (p[7:10] ** 2).sum() + 2 * (p[10:] ** 2).sum()
