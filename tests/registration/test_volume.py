# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import torch

from monai_anomaly.registration import Volume

AFFINE = np.array([[0, -2.0, 0, 5], [1.5, 0, 0.1, -7], [0, 0, 3, 2], [0, 0, 0, 1]])
VALUES = np.random.default_rng(0).random((6, 7, 8)).astype(np.float32)


def test_values_are_found_at_the_centers_of_their_voxels() -> None:
    volume = Volume(VALUES, AFFINE)
    points = volume.points(np.ones(VALUES.shape, bool))
    np.testing.assert_allclose(volume.at(points).numpy(), VALUES.ravel(), atol=1e-5)
    assert volume.at(torch.tensor([[1000.0, 0, 0]])).item() == 0


def test_pulled_by_a_whole_shift_moves_voxels() -> None:
    volume = Volume(VALUES, np.eye(4))
    matrix = np.eye(4)
    matrix[:3, 3] = (1, 0, 2)
    moved = volume.pulled(matrix, like=volume).values
    np.testing.assert_allclose(moved[:-1, :, :-2], VALUES[1:, :, 2:], atol=1e-6)


def test_a_thinned_out_volume_keeps_the_place_of_its_center() -> None:
    values = np.zeros((40, 40, 20), np.float32)
    values[18:22, 10:14, 8:12] = 1
    volume = Volume(values, np.diag([1.0, 1, 2, 1]))
    coarse = volume.smoothed(8.0)
    assert coarse.values.size < values.size / 8
    np.testing.assert_allclose(coarse.center_of_mass(), volume.center_of_mass(), atol=0.3)


def test_volume_in_milliliters() -> None:
    assert Volume(np.ones((10, 10, 10), np.float32), np.diag([2.0, 2, 2, 1])).milliliters == pytest.approx(8)


def test_the_share_that_lies_outside_of_another_grid() -> None:
    scan = Volume(np.zeros((10, 10, 10), np.float32), np.diag([2.0, 2, 2, 1]))
    fine = Volume(np.ones((20, 20, 20), np.float32), np.eye(4))
    assert fine.share_outside(scan) == 0
    shifted = Volume(fine.values, fine.affine.copy())
    shifted.affine[0, 3] = 10  # voxels of 1 mm from 10 to 29 mm, of which the scan's grid ends at 20
    assert shifted.share_outside(scan) == pytest.approx(0.5, abs=0.06)
    assert Volume(fine.values * 0, shifted.affine).share_outside(scan) == 0
