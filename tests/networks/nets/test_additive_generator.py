# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from monai.networks.nets import BasicUNet
from torch import nn

from monai_anomaly.networks.nets.additive_generator import AdditiveGenerator
from monai_anomaly.networks.nets.stargan import StarGANGenerator

TARGET = torch.tensor([0, 1])


class Shift(nn.Module):
    """Adds the number of the class."""

    def forward(self, x: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return target.reshape(-1, 1, 1, 1).expand_as(x).to(x.dtype)


def images(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_adds_the_change_for_the_target_class() -> None:
    x = images(2, 1, 4, 6)
    moved = torch.stack([x[0], x[1] + 1])
    assert torch.equal(AdditiveGenerator(Shift(), tanh=False)(x, TARGET), moved)
    assert torch.equal(AdditiveGenerator(Shift())(x, TARGET), moved.tanh())


def test_fixed_point_gan_is_conditional_and_stays_in_the_range() -> None:
    network = AdditiveGenerator(StarGANGenerator(channels=4, num_blocks=1, activation=None))
    x = images(1, 1, 16, 16).expand(2, -1, -1, -1)
    result = network(x, TARGET)
    assert result.shape == x.shape and result.abs().max() < 1 and not torch.equal(result[0], result[1])


def test_an_unconditional_network_is_not_told_the_class() -> None:
    unet = BasicUNet(2, 1, 1, (4, 4, 8, 8, 8, 4))
    network, x = AdditiveGenerator(unet, conditional=False), images(2, 1, 32, 32)
    expected = (x + unet(x)).tanh()
    assert torch.equal(network(x, TARGET), expected) and torch.equal(network(x), expected)


@pytest.mark.parametrize("conditional", [True, False])
def test_traces(conditional: bool) -> None:
    network = AdditiveGenerator(
        Shift() if conditional else nn.Conv2d(1, 1, 3, padding=1), conditional=conditional
    ).eval()
    x = images(2, 1, 8, 8)
    torch.testing.assert_close(torch.jit.trace(network, (x, TARGET))(x, TARGET), network(x, TARGET))
