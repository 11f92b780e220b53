# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import torch
from torch.nn import functional as F

__all__ = ["nearest", "spherical_kmeans"]


def nearest(points: torch.Tensor, centers: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """For each of some points (N, m) the nearest center (K, m) by direction, and its distance (1 - cos) / 2, 0 to 1."""
    cosine, number = (F.normalize(points) @ F.normalize(centers).t()).max(1)
    return number, (1 - cosine) / 2


def spherical_kmeans(points: torch.Tensor, centers: torch.Tensor, rounds: int = 100) -> torch.Tensor:
    """Centers of clusters by direction, found from given ones; a center that no point is nearest to stays.

    Args:
        points: (N, m).
        centers: to start from (K, m).
        rounds: at most, if the clusters keep changing.

    Returns:
        Centers (K, m), of length 1.
    """
    centers, before = F.normalize(centers), None
    for _ in range(rounds):
        number, _ = nearest(points, centers)
        if before is not None and torch.equal(number, before):
            break
        before = number
        sums = torch.zeros_like(centers).index_add(0, number, F.normalize(points))
        # points that cancel out have no direction either
        centers = torch.where(sums.norm(dim=1, keepdim=True) > 1e-6, F.normalize(sums), centers)
    return centers
