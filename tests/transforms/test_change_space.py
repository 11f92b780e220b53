# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import Orientation, SpatialResample
from monai.transforms.inverse import InvertibleTransform

from monai_anomaly.transforms import ChangeSpace

MATRIX = np.array([[0.9, 0.1, 0, 5], [-0.1, 1.1, 0.05, -7], [0, 0, 1, 2], [0, 0, 0, 1]])
AFFINE = np.array([[0, -2.0, 0, 5], [1.5, 0, 0.1, -7], [0, 0, 3, 2], [0, 0, 0, 1]])


def image() -> MetaTensor:
    values = torch.rand(1, 6, 7, 8, generator=torch.Generator().manual_seed(0))
    return MetaTensor(values, affine=torch.from_numpy(AFFINE))


def test_voxels_stay_and_places_move() -> None:
    moved = ChangeSpace()(image(), MATRIX)
    assert torch.equal(moved.as_tensor(), image().as_tensor())
    np.testing.assert_allclose(MATRIX @ np.asarray(moved.affine), AFFINE, atol=1e-12)


def test_the_way_back_starts_from_any_grid() -> None:
    change = ChangeSpace()
    assert isinstance(change, InvertibleTransform)
    moved = change(image(), MATRIX)
    np.testing.assert_allclose(change.inverse(moved.clone()).affine, AFFINE, atol=1e-12)
    resample = SpatialResample(padding_mode="zeros")
    with resample.trace_transform(False):
        other = resample(moved, dst_affine=torch.eye(4, dtype=torch.float64), spatial_size=(20, 20, 30))
    np.testing.assert_allclose(change.inverse(other).affine, MATRIX, atol=1e-12)


def test_it_stacks_with_other_transforms() -> None:
    change, orient = ChangeSpace(), Orientation("RAS", labels=None)
    there = change(orient(image()), MATRIX)
    back = orient.inverse(change.inverse(there))
    assert torch.equal(back.as_tensor(), image().as_tensor())
    np.testing.assert_allclose(back.affine, AFFINE, atol=1e-9)
    assert not back.applied_operations
