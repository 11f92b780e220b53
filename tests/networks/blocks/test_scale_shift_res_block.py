# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from monai_anomaly.networks.blocks import ScaleShiftResBlock


def randomized(**kwargs) -> ScaleShiftResBlock:
    torch.manual_seed(0)
    block = ScaleShiftResBlock(2, 4, 6, norm_num_groups=2, **kwargs)
    for p in block.parameters():
        torch.nn.init.normal_(p, std=0.5)
    return block


def test_is_the_skip_alone_at_the_start():
    x = torch.randn(2, 4, 6, 8)
    assert torch.equal(ScaleShiftResBlock(2, 4, 6, norm_num_groups=2)(x, torch.randn(2, 6)), x)


def test_first_half_of_the_embedding_scales_and_second_half_shifts():
    block = randomized(out_channels=8)
    x, emb = torch.randn(2, 4, 5, 7), torch.randn(2, 6)
    h = block.conv1(F.silu(block.norm1(x)))
    modulation = block.time_emb_proj(F.silu(emb))[:, :, None, None]
    h = block.norm2(h) * (1 + modulation[:, :8]) + modulation[:, 8:]
    expected = block.skip_connection(x) + block.conv2(F.silu(h))
    torch.testing.assert_close(block(x, emb), expected)


@pytest.mark.parametrize(("kwargs", "size"), [({"down": True}, (3, 4)), ({"up": True}, (12, 16))])
def test_resamples_both_branches_before_the_first_convolution(kwargs, size):
    block = randomized(**kwargs)
    x, emb = torch.randn(1, 4, 6, 8), torch.randn(1, 6)
    seen = []
    block.conv1.register_forward_hook(lambda module, args, out: seen.append(tuple(args[0].shape[2:])))
    assert tuple(block(x, emb).shape) == (1, 4, *size)
    assert seen == [size]
    with torch.no_grad():  # without the main branch the resampled input remains
        for p in block.conv2.parameters():
            p.zero_()
    expected = F.avg_pool2d(x, 2) if "down" in kwargs else x.repeat_interleave(2, 2).repeat_interleave(2, 3)
    torch.testing.assert_close(block(x, emb), expected)


def test_works_in_3d():
    block = ScaleShiftResBlock(3, 4, 6, 8, down=True, norm_num_groups=2)
    assert block(torch.randn(1, 4, 4, 6, 8), torch.randn(1, 6)).shape == (1, 8, 2, 3, 4)


def test_refuses_up_and_down():
    with pytest.raises(ValueError, match="not both"):
        ScaleShiftResBlock(2, 4, 6, up=True, down=True, norm_num_groups=2)
