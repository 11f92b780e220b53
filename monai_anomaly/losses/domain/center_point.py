# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Mapping

import torch
from torch.nn import functional as F
from torch.nn.modules.loss import _Loss

from .targets import SiteTargets, mean_of

__all__ = ["CenterPointLoss", "check_radius", "outside"]


class CenterPointLoss(_Loss):
    r"""Loss of the class centers, from images of the target domain (thesis ch. 9, eq. 2),

    .. math::

        L_{cen}(f_{i,t}) = \max(\|f_{i,t} - o_i\|_2 - r, 0)^2
            + \sum_{k \ne i} \tfrac{1}{2} \max(d - \|o_k - o_i\|_2, 0)^2,

    the mean over the anchors of the batch. Centers and encoder learn from it.

    Args:
        distance: d, that centers keep from each other, on a sphere of radius 1: 0 to 2.
        radius: r, within which an image is near enough to its center.

    Raises:
        ValueError: when the spheres of two centers would overlap, 2 r > d, or r < 0.

    Example::

        centers, label = torch.tensor([[1.0, 0.0], [-1.0, 0.0]]), torch.tensor([0])
        targets = SiteTargets(label, torch.tensor([2]), torch.tensor([True]))
        loss = CenterPointLoss()({"latent": torch.tensor([[0.0, 1.0]]), "centers": centers}, targets)
        torch.testing.assert_close(loss, torch.tensor((2**0.5 - 0.1) ** 2))
    """

    def __init__(self, distance: float = 1.9, radius: float = 0.1) -> None:
        super().__init__()
        if not 2 * check_radius(radius) <= distance:
            raise ValueError(f"distance must be at least twice the radius, got {distance} and {radius}")
        self.distance = distance
        self.radius = radius

    def forward(self, output: Mapping[str, torch.Tensor], targets: SiteTargets) -> torch.Tensor:
        """The loss, a scalar; 0 without anchors.

        Args:
            output: of `LatentCenterClassifier`, with ``latent`` (N, m) and ``centers`` (K, m), all of length 1.
            targets: of the images.
        """
        centers = output["centers"].float()
        pull = outside(output["latent"].float(), centers[targets.label], self.radius)
        apart = torch.linalg.vector_norm(centers[:, None] - centers[None], dim=-1)
        near = F.relu(self.distance - apart).square() * ~torch.eye(len(centers), dtype=torch.bool, device=apart.device)
        return mean_of(pull + near.sum(1)[targets.label] / 2, targets.anchors)


def outside(latent: torch.Tensor, center: torch.Tensor, radius: float) -> torch.Tensor:
    """Squared distance of points (N, m) to the spheres of a radius around centers (N, m), (N,); 0 inside."""
    return F.relu(torch.linalg.vector_norm(latent - center, dim=1) - radius).square()


def check_radius(radius: float) -> float:
    """A radius.

    Raises:
        ValueError: when it is negative.
    """
    if radius < 0:
        raise ValueError(f"radius must not be negative, got {radius}")
    return radius
