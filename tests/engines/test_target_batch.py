# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from monai.data import MetaTensor

from monai_anomaly.engines import TargetPrepareBatch


@pytest.mark.parametrize("key", ["image", "mask"])
def test_entry_is_the_target_of_the_image(key: str) -> None:
    batch = {"image": MetaTensor(torch.rand(2, 3, 4, 4)), "mask": torch.ones(2, 1, 4, 4), "label": torch.tensor([0, 1])}
    inputs, target = TargetPrepareBatch(key)(batch, device="cpu", dtype=torch.float64)
    assert type(inputs) is torch.Tensor and inputs.dtype == target.dtype == torch.float64
    assert torch.equal(inputs.float(), batch["image"].as_tensor())
    assert torch.equal(target.float(), torch.as_tensor(batch[key]))
