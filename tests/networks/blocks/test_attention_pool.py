# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from monai_anomaly.networks.blocks import AttentionPool2d


@pytest.fixture
def pool() -> AttentionPool2d:
    torch.manual_seed(0)
    return AttentionPool2d(8, 3, (4, 6), num_head_channels=4)


def test_equals_multi_head_attention_of_the_mean_token(pool):
    x = torch.randn(2, 8, 4, 6)
    tokens = x.flatten(2).transpose(1, 2)
    tokens = torch.cat([tokens.mean(1, keepdim=True), tokens], 1) + pool.positional_embedding.t()
    expected, _ = F.multi_head_attention_forward(
        *(tokens.transpose(0, 1),) * 3, 8, 2, pool.qkv.weight, pool.qkv.bias, None, None, False, 0.0,
        torch.eye(8), None, need_weights=False,
    )  # fmt: skip
    torch.testing.assert_close(pool(x), pool.out_proj(expected[0]))


@pytest.mark.parametrize("size", [(4, 6), (5, 3), (1, 1), (9, 12)])
def test_takes_any_grid(pool, size):
    assert pool(torch.randn(2, 8, *size)).shape == (2, 3)


def test_resizing_the_positions_is_smooth_and_keeps_the_mean_token(pool):
    with torch.no_grad():
        pool.positional_embedding.copy_(torch.arange(8.0)[:, None].expand(-1, 25))
    torch.testing.assert_close(pool._positions(7, 5), torch.arange(8.0).expand(36, -1))


def test_traced_graph_works_at_other_sizes_and_agrees(pool):
    traced = torch.jit.trace(pool, torch.randn(1, 8, 4, 6))
    for size in [(4, 6), (3, 8)]:
        x = torch.randn(2, 8, *size)
        torch.testing.assert_close(traced(x), pool(x), rtol=0, atol=1e-6)


def test_sees_where_things_are(pool):
    """Unlike a mean: moving the features changes the output, unless the positions are switched off."""
    x = torch.randn(1, 8, 4, 6)
    assert not torch.allclose(pool(x), pool(x.flip(2)), atol=1e-4)
    torch.nn.init.zeros_(pool.positional_embedding)
    torch.testing.assert_close(pool(x), pool(x.flip(2)))


def test_has_a_second_derivative(pool):
    x = torch.randn(1, 8, 4, 6, requires_grad=True)
    (gradient,) = torch.autograd.grad(pool(x).square().sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(gradient.square().sum(), x)
    assert second.abs().max() > 0


def test_refuses_heads_that_do_not_fit():
    with pytest.raises(ValueError, match="multiple of num_head_channels"):
        AttentionPool2d(8, 3, (4, 4), num_head_channels=3)
