# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from torch import nn

from monai_anomaly.networks.nets import MaskDiffusionNet, NoiseLevelChannel


def test_level_is_the_last_channel() -> None:
    x = torch.rand(3, 2, 4, 6)
    seen = NoiseLevelChannel(nn.Identity(), 101)(x, torch.tensor([0, 50, 100]))
    assert torch.equal(seen[:, :2], x)
    assert torch.equal(seen[:, 2], torch.tensor([-1.0, 0.0, 1.0])[:, None, None].expand(3, 4, 6))


@pytest.mark.parametrize("size", [(8,), (4, 6), (2, 4, 6)])
def test_any_number_of_dimensions_and_any_type(size: tuple[int, ...]) -> None:
    x = torch.rand(2, 1, *size, dtype=torch.bfloat16)
    seen = NoiseLevelChannel(nn.Identity())(x, torch.tensor([0, 999]))
    assert seen.shape == (2, 2, *size) and seen.dtype == torch.bfloat16
    assert seen[0, 1].unique().item() == -1 and seen[1, 1].unique().item() == 1


def test_denoiser_of_masks_depends_on_the_level() -> None:
    torch.manual_seed(0)
    network = MaskDiffusionNet(NoiseLevelChannel(nn.Conv2d(4, 1, 3, padding=1)), prediction="sample", bounded=True)
    x = torch.rand(1, 3, 8, 8)
    low, high = (network(x, torch.tensor([t])) for t in (10, 900))
    assert not torch.allclose(low, high)
    assert network(x[:, :2]).shape == (1, 1, 8, 8)  # the export view


def test_one_level_is_none() -> None:
    with pytest.raises(ValueError, match="num_train_timesteps must be at least 2, got 1"):
        NoiseLevelChannel(nn.Identity(), 1)
