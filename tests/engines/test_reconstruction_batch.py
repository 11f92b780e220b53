# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import torch
from monai.data import MetaTensor

from monai_anomaly.engines import ReconstructionPrepareBatch


def test_image_is_its_own_target() -> None:
    batch = {"image": MetaTensor(torch.rand(2, 3, 4, 4)), "label": torch.tensor([0, 1])}
    inputs, targets = ReconstructionPrepareBatch()(batch, device="cpu", dtype=torch.float64)
    assert type(inputs) is torch.Tensor and inputs.dtype == torch.float64
    assert torch.equal(inputs, targets) and torch.equal(inputs.float(), batch["image"].as_tensor())
