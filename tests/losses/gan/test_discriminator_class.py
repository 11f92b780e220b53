# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from monai_anomaly.losses import DiscriminatorClassLoss


class Probabilities(nn.Module):
    """Says the class of every image with a probability that can be learned."""

    def __init__(self) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.tensor([0.25, 0.75]).log())

    def classify(self, x: torch.Tensor) -> torch.Tensor:
        return self.logits.expand(len(x), 2)


def test_cross_entropy_of_the_real_images() -> None:
    network = Probabilities()
    result = DiscriminatorClassLoss()(network, torch.rand(3, 1, 4, 4), torch.tensor([0, 1, 1]))
    assert set(result) == {"loss", "cls"} and not result["cls"].requires_grad
    expected = -(math.log(0.25) + 2 * math.log(0.75)) / 3
    assert result["loss"].item() == pytest.approx(expected) and result["cls"].item() == pytest.approx(expected)
    result["loss"].backward()
    torch.testing.assert_close(network.logits.grad, torch.tensor([0.25 - 1 / 3, 0.75 - 2 / 3]))
