# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

import pytest
import torch

from monai_anomaly.losses import ImageClassLoss


def test_mean_negative_log_probability() -> None:
    probabilities = torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.5, 0.5]])
    loss = ImageClassLoss()(probabilities.log(), torch.tensor([0, 0, 1]))
    assert loss.item() == pytest.approx(-(math.log(0.9) + math.log(0.2) + math.log(0.5)) / 3, rel=1e-6)


def test_float32_in_mixed_precision() -> None:
    logits = torch.tensor([[0.0, 12.0]], dtype=torch.bfloat16)
    loss = ImageClassLoss()(logits, torch.tensor([1]))
    assert loss.dtype == torch.float32 and loss.item() == pytest.approx(math.log1p(math.exp(-12)), rel=0.05)
