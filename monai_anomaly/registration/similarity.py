# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from monai.losses import GlobalMutualInformationLoss

from .affine import affine_matrix, transform_points
from .volume import Volume

__all__ = ["AffineSimilarity"]


class AffineSimilarity:
    """How well an affine map lays a moving image on a fixed one: mutual information of random points, and more.

    Mutual information (Mattes et al., IEEE TMI 22, 2003) by MONAI's `GlobalMutualInformationLoss`, so that the images
    may have different contrasts. For brains without their skull the blurred masks are compared too: mutual information
    alone overestimates the size of a brain by up to 16 %, as it gains when the moving brain's rim leaves the points.

    Args:
        fixed: the fixed image.
        moving: the moving image.
        inside: points of the fixed image that count, (X, Y, Z) of bool.
        center: point of the fixed image that is rotated about, and where it lies in the moving one with all parameters
            0, in mm, (3,) each.
        brain_weight: of the mean squared difference between the blurred masks (values above 0).
        penalty: (13,) parameters -> what is subtracted; None for nothing.
        count: points drawn at random for each evaluation.
        seed: of these.
    """

    def __init__(
        self,
        fixed: Volume,
        moving: Volume,
        inside: np.ndarray,
        center: tuple[np.ndarray, np.ndarray],
        brain_weight: float = 0.0,
        penalty: Callable[[torch.Tensor], torch.Tensor] | None = None,
        count: int = 8000,
        seed: int = 0,
    ) -> None:
        self.images = (fixed.normalized(), moving.normalized())
        self.brains = (fixed.above_zero(), moving.above_zero())
        self.points = fixed.points(inside)
        self.center = torch.from_numpy(center[0]).float()
        self.shift = torch.from_numpy(center[1] - center[0]).float()
        self.brain_weight = brain_weight
        self.penalty = penalty
        self.count = count
        self.generator = torch.Generator().manual_seed(seed)
        self.fixed_points = self.draw()
        self.mutual_information = GlobalMutualInformationLoss(num_bins=32)

    def draw(self) -> torch.Tensor:
        """Random points of the fixed image, (N, 3), in mm."""
        return self.points[torch.randint(len(self.points), (self.count,), generator=self.generator)]

    def set_blur(self, fwhm: float) -> None:
        """Compare images blurred to a full width at half maximum in mm."""
        self.blurred = [image.smoothed(fwhm) for image in self.images]
        if self.brain_weight:
            self.masks = [brain.smoothed(fwhm) for brain in self.brains]

    def matrix(self, parameters: torch.Tensor) -> torch.Tensor:
        """(13,) parameters -> (4, 4), points of the fixed image to points of the moving one."""
        return affine_matrix(parameters, self.center, self.shift)

    def __call__(self, parameters: torch.Tensor, points: torch.Tensor | None = None) -> torch.Tensor:
        """The similarity, a scalar; by default at the same points in every call."""
        points = self.fixed_points if points is None else points
        moved = transform_points(self.matrix(parameters), points)
        fixed, moving = self.blurred[0].at(points), self.blurred[1].at(moved)
        value = -self.mutual_information(moving[None, None], fixed[None, None])
        if self.brain_weight:
            value = value - self.brain_weight * ((self.masks[0].at(points) - self.masks[1].at(moved)) ** 2).mean()
        return value if self.penalty is None else value - self.penalty(parameters)
