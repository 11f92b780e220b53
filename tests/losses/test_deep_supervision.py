# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from monai.losses import DiceFocalLoss, DiceLoss
from monai.networks.nets import DynUNet
from torch import nn
from torch.nn import functional as F

from monai_anomaly.losses import StackedDeepSupervisionLoss


def dice_and_cross_entropy() -> DiceFocalLoss:
    return DiceFocalLoss(sigmoid=True, batch=True, gamma=0.0)


def dynunet() -> DynUNet:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        strides = [1, 2, 2, 2]
        return DynUNet(2, 2, 3, [3] * 4, strides, strides[1:], [4, 8, 8, 8], deep_supervision=True, deep_supr_num=2)


def sample() -> tuple[torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(0)
    return torch.randn(2, 2, 16, 24, generator=g), (torch.rand(2, 3, 16, 24, generator=g) > 0.5).float()


@pytest.mark.parametrize("heads", [1, 2, 4, 7])
def test_weights_halve_and_sum_to_one(heads: int) -> None:
    weights = StackedDeepSupervisionLoss(nn.BCEWithLogitsLoss()).get_weights(heads)
    assert sum(weights) == pytest.approx(1)
    assert all(b == pytest.approx(a / 2) for a, b in pairwise(weights))


def test_weighs_the_heads_of_dynunet() -> None:
    image, mask = sample()
    pred = dynunet().train()(image)
    assert pred.shape == (2, 3, 3, 16, 24)
    loss = dice_and_cross_entropy()
    expected = (4 * loss(pred[:, 0], mask) + 2 * loss(pred[:, 1], mask) + loss(pred[:, 2], mask)) / 7
    torch.testing.assert_close(StackedDeepSupervisionLoss(loss)(pred, mask), expected)


def test_logits_of_evaluation_are_scored_unchanged() -> None:
    image, mask = sample()
    pred = dynunet().eval()(image)
    torch.testing.assert_close(
        StackedDeepSupervisionLoss(dice_and_cross_entropy())(pred, mask), dice_and_cross_entropy()(pred, mask)
    )


def test_all_heads_learn() -> None:
    image, mask = sample()
    network = dynunet().train()
    StackedDeepSupervisionLoss(dice_and_cross_entropy())(network(image).bfloat16(), mask).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def test_the_documented_loss_is_dice_and_binary_cross_entropy() -> None:
    """MONAI's DiceCELoss would take the softmax over regions."""
    logits, (_, mask) = torch.randn(2, 3, 16, 24, generator=torch.Generator().manual_seed(1)), sample()
    expected = DiceLoss(sigmoid=True, batch=True)(logits, mask) + F.binary_cross_entropy_with_logits(logits, mask)
    torch.testing.assert_close(dice_and_cross_entropy()(logits, mask), expected)


def test_refuses_another_rank() -> None:
    with pytest.raises(ValueError, match="masks of 4 axes, found 3 axes"):
        StackedDeepSupervisionLoss(nn.BCEWithLogitsLoss())(torch.zeros(1, 4, 4), torch.zeros(1, 1, 4, 4))
