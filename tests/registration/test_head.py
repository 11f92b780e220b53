# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np

from monai_anomaly.registration import Volume, find_brain, load_brain_template
from monai_anomaly.registration.head import _shells


def test_a_head_of_another_contrast_position_and_voxel_size_is_found() -> None:
    template = load_brain_template()
    shells, _ = _shells(template)
    noise = np.random.default_rng(0).normal(0, 0.02, shells.values.shape).astype(np.float32)
    bright = np.clip(1.2 * shells.values**0.7 + noise, 0, None) * (shells.values > 0)
    angle = np.deg2rad(8)
    turn = np.array([[1, 0, 0, 4], [0, np.cos(angle), -np.sin(angle), -9], [0, np.sin(angle), np.cos(angle), 12]])
    moved = np.r_[turn, [[0, 0, 0, 1]]]
    affine = np.array([[2.5, 0, 0, -112], [0, 2.5, 0, -150], [0, 0, 4.5, -80], [0, 0, 0, 1]])
    grid = Volume(np.zeros((90, 110, 46), np.float32), affine)
    head = Volume(bright, shells.affine).pulled(np.linalg.inv(moved), like=grid)
    true = template.image.above_zero().pulled(np.linalg.inv(moved), like=grid).values > 0.5
    mask, found = find_brain(head, template)
    assert 2 * (mask & true).sum() / (mask.sum() + true.sum()) > 0.93
    assert found.disagreement < 6
