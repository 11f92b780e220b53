# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch

from ..utils import one_of
from .affine import NUM_PARAMETERS, TRANSLATION_UNIT, transform_points
from .search import DEGREES_OF_FREEDOM, coarse_to_fine
from .similarity import AffineSimilarity
from .volume import Volume

__all__ = ["AffineRegistration", "make_registration", "register_affine", "register_session"]


@dataclass(frozen=True)
class AffineRegistration:
    """What a registration found.

    Attributes:
        matrix: (4, 4), float64: points of the fixed image to points of the moving one, in mm, RAS.
        similarity: between the two at the finest blur; mutual information in nats, minus penalties.
        disagreement: mean distance in mm, over the points, to where the second best start led, if its similarity is at
            least 90 % of the best; else 0.
    """

    matrix: np.ndarray
    similarity: float
    disagreement: float

    @property
    def determinant(self) -> float:
        """Volume of the moving brain as a multiple of the fixed one's."""
        return float(np.linalg.det(self.matrix[:3, :3]))


def register_affine(
    fixed: Volume,
    moving: Volume,
    inside: np.ndarray,
    degrees_of_freedom: int = 12,
    max_rotation: float = 35.0,
    seed: int = 0,
) -> AffineRegistration:
    """Register two brains without skull, of any contrasts, however they lie to each other.

    The centers of mass are laid on each other; rotations over the whole range are tried, and the best of them refined,
    coarse to fine; see `AffineSimilarity`.

    Args:
        fixed: the template; values above 0 are brain.
        moving: the scan, likewise.
        inside: points of the fixed image that count, (X, Y, Z) of bool: the brain with a ring around it, since the edge
            of a stripped brain is information.
        degrees_of_freedom: 6 (rigid), 7 (and one scale) or 12.
        max_rotation: of the search about each axis, in degrees; 0: only from the given position.
        seed: of the random points.

    Raises:
        ValueError: when the degrees of freedom are none of these.
    """
    one_of("degrees_of_freedom", degrees_of_freedom, DEGREES_OF_FREEDOM)
    centers = fixed.center_of_mass(), moving.center_of_mass()
    similarity = AffineSimilarity(fixed, moving, inside, centers, brain_weight=2.0, seed=seed)
    return make_registration(similarity, coarse_to_fine(similarity, _rotations(max_rotation), degrees_of_freedom))


def register_session(fixed: Volume, moving: Volume, inside: np.ndarray, seed: int = 0) -> AffineRegistration:
    """Register two scans of one head rigidly, from where their headers put them and from their centers of mass.

    Args:
        fixed: the scan to register to, with or without skull.
        moving: another contrast of the same person, likewise.
        inside: points of the fixed scan that count, (X, Y, Z) of bool: the brain, which alone is rigid, and its rim.
        seed: of the random points.
    """
    center = fixed.points(inside).double().numpy().mean(0)
    similarity = AffineSimilarity(fixed, moving, inside, (center, center), seed=seed)
    centered = torch.zeros(NUM_PARAMETERS)
    centered[:3] = torch.from_numpy(moving.center_of_mass() - fixed.center_of_mass()) / TRANSLATION_UNIT
    ends = coarse_to_fine(similarity, [torch.zeros(NUM_PARAMETERS), centered], degrees_of_freedom=6)
    return make_registration(similarity, ends)


def make_registration(similarity: AffineSimilarity, ends: list[tuple[float, torch.Tensor]]) -> AffineRegistration:
    """The best of the ends of a search, and how far the other one is away from it."""
    best = ends[0][0]
    rivals = [p for value, p in ends if value >= best - 0.1 * abs(best)]
    matrices = [similarity.matrix(p).double() for p in rivals]
    places = [transform_points(m, similarity.points) for m in (matrices[0], matrices[-1])]
    return AffineRegistration(
        matrix=matrices[0].numpy(),
        similarity=best,
        disagreement=float((places[0] - places[1]).norm(dim=1).mean()),
    )


def _rotations(largest: float) -> Iterator[torch.Tensor]:
    """Starts: rotations about each axis by up to ``largest`` degrees."""
    angles = (0.0, -0.85, 0.85, -0.42, 0.42) if largest else (0.0,)
    for triple in product(angles, repeat=3):
        p = torch.zeros(NUM_PARAMETERS)
        p[3:6] = torch.tensor(triple) * np.deg2rad(largest)
        yield p
