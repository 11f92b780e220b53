# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch

from monai_anomaly.losses import WassersteinCriticLoss, WassersteinGeneratorLoss


def judged(n: int, seed: int) -> torch.Tensor:
    return torch.randn(n, 1, 2, 3, generator=torch.Generator().manual_seed(seed))


CLASSES = [
    ([0, 0, 0, 1], [1, 1, 1, 0]),
    ([0, 1, 1, 1, 1], [1, 0, 0]),
    ([0, 0], [1, 1]),
    ([0, 1, 2, 2], [2, 2, 1, 0]),
]


@pytest.mark.parametrize(("real_class", "fake_class"), CLASSES)
def test_constant_of_a_critic_does_not_count(real_class: list[int], fake_class: list[int]) -> None:
    real, fake = judged(len(real_class), 0), judged(len(fake_class), 1)
    r, f = torch.tensor(real_class), torch.tensor(fake_class)
    constant = torch.tensor([5.0, -70.0, 3.0])
    moved = WassersteinCriticLoss()(
        real + constant[r].reshape(-1, 1, 1, 1), fake + constant[f].reshape(-1, 1, 1, 1), r, f
    )
    torch.testing.assert_close(moved, WassersteinCriticLoss()(real, fake, r, f), rtol=1e-4, atol=1e-4)


def test_one_class_is_the_difference_of_the_means() -> None:
    real, fake, c = judged(4, 0), judged(3, 1), torch.ones(4, dtype=torch.long)
    torch.testing.assert_close(WassersteinCriticLoss()(real, fake, c, c[:3]), fake.mean() - real.mean())


def test_classes_count_by_their_share_of_the_real_images() -> None:
    real, fake = torch.zeros(4, 1), torch.tensor([[1.0], [10.0], [20.0]])
    loss = WassersteinCriticLoss()(real, fake, torch.tensor([0, 0, 0, 1]), torch.tensor([0, 1, 1]))
    assert loss.item() == pytest.approx(0.75 * 1 + 0.25 * 15)


def test_one_value_per_image() -> None:
    real, fake, c = judged(4, 0), judged(3, 1), torch.tensor([0, 1, 1, 0])
    flat = WassersteinCriticLoss()(real[:, 0, 0, 0], fake[:, 0, 0, 0], c, c[1:])
    torch.testing.assert_close(flat, WassersteinCriticLoss()(real[..., :1, :1], fake[..., :1, :1], c, c[1:]))


def test_class_without_a_counterpart_counts_nothing_but_can_be_differentiated() -> None:
    real, fake = judged(2, 0).requires_grad_(), judged(2, 1).requires_grad_()
    loss = WassersteinCriticLoss()(real, fake, torch.tensor([0, 0]), torch.tensor([1, 1]))
    loss.backward()
    assert loss.item() == 0 and real.grad is not None and not real.grad.any()


def test_generator_wants_what_the_critic_wants_less_of() -> None:
    fake, c = judged(3, 1), torch.zeros(3, dtype=torch.long)
    critic = WassersteinCriticLoss()(torch.zeros_like(fake), fake, c, c)
    torch.testing.assert_close(WassersteinGeneratorLoss()(fake), -critic)
