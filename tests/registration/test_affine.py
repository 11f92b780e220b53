# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import torch

from monai_anomaly.registration.affine import NUM_PARAMETERS, affine_matrix, transform_points

CENTER, SHIFT = torch.tensor([1.0, -2, 3]), torch.tensor([10.0, 0, -5])


def matrix(**parameters: float) -> torch.Tensor:
    p = torch.zeros(NUM_PARAMETERS)
    for name, value in parameters.items():
        p[int(name[1:])] = value
    return affine_matrix(p, CENTER, SHIFT)


def test_without_parameters_points_are_shifted() -> None:
    points = torch.randn(5, 3)
    torch.testing.assert_close(transform_points(matrix(), points), points + SHIFT)


@pytest.mark.parametrize("parameters", [{"p3": 0.3}, {"p4": -1.0, "p5": 0.2}, {"p6": 0.1}, {"p7": 0.2, "p10": 0.1}])
def test_the_center_stays_at_its_place(parameters: dict[str, float]) -> None:
    torch.testing.assert_close(transform_points(matrix(**parameters), CENTER[None])[0], CENTER + SHIFT)


def test_rotations_are_rigid_and_scales_multiply() -> None:
    turn = matrix(p3=0.5, p4=-0.2, p5=1.0)[:3, :3]
    torch.testing.assert_close(turn @ turn.T, torch.eye(3))
    assert torch.linalg.det(matrix(p6=0.1, p7=0.2)[:3, :3]).item() == pytest.approx(np.exp(0.5), rel=1e-5)


def test_a_unit_of_translation_is_50_mm() -> None:
    torch.testing.assert_close(matrix(p1=1.0)[:3, 3] - matrix()[:3, 3], torch.tensor([0.0, 50, 0]))
