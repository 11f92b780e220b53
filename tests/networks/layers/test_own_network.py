# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from torch import nn

from monai_anomaly.networks.layers import last_convolution, through_own_network


class Times(nn.Module):
    """Keeps how many it was given."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor, self.given = factor, 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.given += len(x)
        return self.factor * x


@pytest.mark.parametrize("target", [[0, 1, 2, 1], [2, 2, 2, 2], [1, 0, 1, 0]])
def test_each_image_through_its_own_alone(target: list[int]) -> None:
    networks = nn.ModuleList(Times(factor) for factor in (1.0, -2.0, 5.0))
    x = torch.arange(4.0).reshape(4, 1, 1, 1) + 1
    expected = x * torch.tensor([1.0, -2.0, 5.0])[target].reshape(4, 1, 1, 1)
    assert torch.equal(through_own_network(networks, x, torch.tensor(target)), expected)
    assert [network.given for network in networks] == [target.count(c) for c in range(3)]


@pytest.mark.parametrize("target", [[0, 3], [0], [-1, 0]])
def test_a_target_that_is_no_class(target: list[int]) -> None:
    networks = nn.ModuleList(Times(1.0) for _ in range(3))
    with pytest.raises(ValueError, match=r"a target of 0..2 for each of 2 images, found"):
        through_own_network(networks, torch.ones(2, 1, 1, 1), torch.tensor(target))


def test_exported_for_any_number_of_images() -> None:
    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.networks = nn.ModuleList(nn.Conv2d(1, 2, 3) for _ in range(2))

        def forward(self, x: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
            return through_own_network(self.networks, x, target)

    network, count = Both().eval(), torch.export.Dim("count")
    example = torch.rand(2, 1, 8, 8), torch.tensor([0, 1])
    program = torch.export.export(network, example, dynamic_shapes=({0: count}, {0: count}))
    x, target = torch.rand(5, 1, 8, 8), torch.tensor([1, 0, 0, 1, 1])
    torch.testing.assert_close(program.module()(x, target), network(x, target))


def test_last_convolution() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Sequential(nn.ConvTranspose2d(2, 3, 4), nn.Tanh()))
    assert last_convolution(network) is network[1][0]
