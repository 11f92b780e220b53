# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from torch import nn

from monai_anomaly.networks.blocks import Concatenation, InceptionResBlock, normalized_conv, separable_convs


def convolutions(module: nn.Module) -> list[nn.Conv2d | nn.Conv3d]:
    return [m for m in module.modules() if isinstance(m, (nn.Conv2d, nn.Conv3d))]


def test_a_convolution_gives_normalized_features_and_nothing_negative() -> None:
    conv, x = normalized_conv(3, 2, 4, 3), torch.randn(2, 2, 6, 6, 6)
    found = conv(x)
    assert found.shape == (2, 4, 6, 6, 6) and found.min() == 0
    torch.testing.assert_close(found, conv(5 * x), atol=1e-3, rtol=0)  # the contrast does not matter
    assert [m.bias for m in convolutions(conv)] == [None]


def test_without_padding_the_edge_goes() -> None:
    assert normalized_conv(2, 1, 1, 3, padding=False)(torch.rand(1, 1, 9, 7)).shape[2:] == (7, 5)
    assert normalized_conv(2, 1, 1, 3, stride=2)(torch.rand(1, 1, 9, 7)).shape[2:] == (5, 4)


@pytest.mark.parametrize(
    ("dims", "expected"), [(2, [(1, 7), (7, 1)]), (3, [(1, 1, 7), (1, 7, 1), (7, 1, 1)])], ids=["2D", "3D"]
)
def test_separable_convolutions(dims: int, expected: list[tuple[int, ...]]) -> None:
    convs = nn.Sequential(*separable_convs(dims, 2, 7))
    assert [conv.kernel_size for conv in convolutions(convs)] == expected
    x = torch.rand(1, 2, *[8] * dims)
    assert convs(x).shape == x.shape


def test_branches_stand_behind_each_other() -> None:
    x = torch.rand(2, 3, 4, 4)
    found = Concatenation(nn.Identity(), nn.Conv2d(3, 1, 1))(x)
    assert found.shape == (2, 4, 4, 4) and torch.equal(found[:, :3], x)


@pytest.mark.parametrize("kind", ["35", "17", "8"])
@pytest.mark.parametrize("dims", [2, 3])
def test_a_block_adds_to_its_input(kind: str, dims: int) -> None:
    x = torch.randn(2, 8, *[6] * dims)
    block = InceptionResBlock(dims, 8, 4, kind, scale=0.5, activation=False)
    assert torch.equal(InceptionResBlock(dims, 8, 4, kind, scale=0.0, activation=False)(x), x)
    doubled = InceptionResBlock(dims, 8, 4, kind, scale=1.0, activation=False)
    doubled.load_state_dict(block.state_dict())
    torch.testing.assert_close(doubled(x) - x, 2 * (block(x) - x))
    doubled.activation = True
    assert doubled(x).min() == 0
    assert sum(conv.bias is not None for conv in convolutions(block)) == 1


def test_unknown_kind() -> None:
    with pytest.raises(ValueError, match="'35', '17' or '8', got '36'"):
        InceptionResBlock(2, 8, 4, "36", scale=1.0)
