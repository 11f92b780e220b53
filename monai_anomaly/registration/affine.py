# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import torch

__all__ = ["NUM_PARAMETERS", "TRANSLATION_UNIT", "affine_matrix", "transform_points"]

NUM_PARAMETERS = 13
"""Translation (3), rotation (3), one scale for all axes (1), scale of each axis (3), shear (3)."""

TRANSLATION_UNIT = 50.0  # mm: a step of the optimizer then moves the brain's rim alike for every parameter


def affine_matrix(parameters: torch.Tensor, center: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """Affine map of points, in mm: x -> R S H (x - c) + c + shift + 50 t; all parameters 0 is the shift alone.

    Args:
        parameters: (13,), see ``NUM_PARAMETERS``; translations in units of 50 mm, rotations in rad (a rotation vector),
            scales as logarithms, shears as upper-triangular entries.
        center: c, the point that is rotated about, (3,).
        shift: (3,).

    Returns:
        (4, 4); differentiable.
    """
    t, (rx, ry, rz), scale, axes, (hxy, hxz, hyz) = parameters.split([3, 3, 1, 3, 3])
    zero, one = torch.zeros_like(rx), torch.ones_like(rx)
    skew = torch.stack([zero, -rz, ry, rz, zero, -rx, -ry, rx, zero]).reshape(3, 3)
    shear = torch.stack([one, hxy, hxz, zero, one, hyz, zero, zero, one]).reshape(3, 3)
    linear = torch.linalg.matrix_exp(skew) @ torch.diag(torch.exp(scale + axes)) @ shear
    offset = center + shift + TRANSLATION_UNIT * t - linear @ center
    bottom = torch.tensor([[0, 0, 0, 1]], dtype=linear.dtype)
    return torch.cat([torch.cat([linear, offset[:, None]], 1), bottom])


def transform_points(matrix: np.ndarray | torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    """Points (N, 3) under an affine map (4, 4)."""
    matrix = torch.as_tensor(matrix).to(points)
    return points @ matrix[:3, :3].T + matrix[:3, 3]
