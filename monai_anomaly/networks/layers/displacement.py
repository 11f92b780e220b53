# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Dense displacement fields in voxels: (N, D, ...), component i along spatial axis i."""

from __future__ import annotations

import torch
from torch.nn import functional as F

__all__ = ["integrate_velocity", "jacobian_determinant", "warp"]


def warp(image: torch.Tensor, displacement: torch.Tensor, mode: str = "bilinear") -> torch.Tensor:
    """The image moved by a field, :math:`y(p) = x(p + u(p))`: a positive shift moves its content to lower indices.

    Outside, the image is mirrored at its edge. MONAI's ``Warp`` takes the same fields, but keeps the grid of its last
    call and the sizes as numbers, so that a traced network would be one of a single image size.

    Args:
        image: (N, C, H, W) or (N, C, H, W, D), of a floating type.
        displacement: in voxels (N, 2, H, W) or (N, 3, H, W, D).
        mode: of ``grid_sample``: bilinear, nearest, or of 2D images bicubic.
    """
    dims = image.ndim - 2
    theta = torch.eye(dims, dims + 1, dtype=displacement.dtype, device=displacement.device)
    size = [image.shape[0], 1, *image.shape[2:]]
    with torch.autocast(displacement.device.type, enabled=False):  # half precision moves the image by itself
        grid = F.affine_grid(theta.expand(image.shape[0], -1, -1), size, align_corners=False)
    # the grid counts half widths, and the last axis first
    shift = torch.stack([displacement[:, i] * 2 / image.shape[i + 2] for i in reversed(range(dims))], dim=-1)
    return F.grid_sample(image, grid + shift, mode=mode, padding_mode="reflection", align_corners=False)


def integrate_velocity(velocity: torch.Tensor, steps: int) -> torch.Tensor:
    """The displacement of a flow along a constant velocity field for the time 1, by scaling and squaring.

    It folds nothing where the velocity is smooth. Source: Arsigny et al., MICCAI 2006; MONAI's ``DVF2DDF`` by a `warp`
    that can be traced, and whose field does not end at the edge.

    Args:
        velocity: voxels per unit of time (N, D, ...).
        steps: number of squarings, from 1 on.
    """
    displacement = velocity / 2**steps
    for _ in range(steps):
        displacement = displacement + warp(displacement, displacement)
    return displacement


def jacobian_determinant(displacement: torch.Tensor) -> torch.Tensor:
    """Determinant (N, 1, ...) of the Jacobian of :math:`p + u(p)`, which leads from the warped image to its source.

    Above 1 a voxel holds more than a voxel of the source: what is there **shrank**. Below 1 it **grew**; from 0 on down
    the field folds. Central differences, at the edges one-sided.

    Args:
        displacement: in voxels (N, D, ...), of at least 2 voxels in each axis.
    """
    dims = displacement.shape[1]
    slopes = torch.gradient(displacement, dim=tuple(range(2, 2 + dims)))  # one tensor (N, D, ...) for each axis
    jacobian = torch.stack(slopes, dim=-1).movedim(1, -2) + torch.eye(dims).to(displacement)
    return torch.linalg.det(jacobian)[:, None]
