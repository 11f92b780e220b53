# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from monai_anomaly.losses import AleatoricLoss
from monai_anomaly.losses.aleatoric import split_mean_sigma


def sample(log_variance: float = 0.0) -> tuple[torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(0)
    mean = 3 * torch.randn(4, 2, 5, 6, generator=g)
    pred = torch.cat([mean, torch.full_like(mean, log_variance)], dim=1).requires_grad_()
    return pred, (torch.rand(4, 2, 5, 6, generator=g) > 0.5).float()


def draw(loss: AleatoricLoss, pred: torch.Tensor, target: torch.Tensor, seed: int = 0) -> torch.Tensor:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return loss(pred, target)


@pytest.mark.parametrize("samples", [1, 10])
def test_without_variance_it_is_the_binary_cross_entropy(samples: int) -> None:
    pred, target = sample(-math.inf)
    expected = F.binary_cross_entropy_with_logits(pred[:, :2], target)
    torch.testing.assert_close(draw(AleatoricLoss(samples), pred, target), expected)


def test_is_the_cross_entropy_of_the_mean_probability() -> None:
    pred, target = sample(0.7)
    mean, sigma = split_mean_sigma(pred)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        noise = torch.randn(10, *mean.shape)
    expected = F.binary_cross_entropy((mean + sigma * noise).sigmoid().mean(0), target)
    torch.testing.assert_close(draw(AleatoricLoss(10), pred, target, seed=3), expected)


def test_sigma_is_the_root_of_the_variance() -> None:
    mean, sigma = split_mean_sigma(torch.tensor([2.0, math.log(9.0)]).reshape(1, 2, 1))
    assert mean.item() == 2 and sigma.item() == pytest.approx(3)


def test_many_samples_approach_the_expectation() -> None:
    """E[sigmoid(f + sigma eps)], by numerical integration."""
    pred = torch.tensor([0.5, math.log(4.0)]).reshape(1, 2, 1).repeat(1, 1, 50)
    eps = torch.linspace(-8, 8, 10001, dtype=torch.float64)
    weight = torch.exp(-0.5 * eps**2) / math.sqrt(2 * math.pi)
    expected = -torch.trapezoid(weight * torch.sigmoid(0.5 + 2 * eps), eps).log()
    assert draw(AleatoricLoss(2000), pred, torch.ones(1, 1, 50)).item() == pytest.approx(expected.item(), abs=0.01)


def test_variance_makes_mistakes_cheaper_and_right_answers_dearer() -> None:
    def cost(mean: float, log_variance: float) -> float:
        pred = torch.tensor([mean, log_variance]).reshape(1, 2, 1).repeat(1, 1, 500)
        return draw(AleatoricLoss(50), pred, torch.ones(1, 1, 500)).item()

    assert cost(-4, 3) < cost(-4, -9) and cost(4, 3) > cost(4, -9)


def test_confident_mistakes_keep_a_finite_loss_and_their_gradient() -> None:
    pred = torch.tensor([-500.0, -3.0]).reshape(1, 2, 1).requires_grad_()
    loss = draw(AleatoricLoss(), pred, torch.ones(1, 1, 1))
    loss.backward()
    assert loss.item() == pytest.approx(500, rel=0.01)
    assert pred.grad is not None and pred.grad[0, 0].item() == pytest.approx(-1, rel=1e-3)


def test_half_precision_outputs_are_scored_in_full_precision() -> None:
    pred, target = sample()
    loss = draw(AleatoricLoss(), pred.bfloat16(), target)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, draw(AleatoricLoss(), pred, target), rtol=0.02, atol=0.02)


def test_refuses_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match="a mean and a log-variance per region, found 3 channels"):
        AleatoricLoss()(torch.zeros(1, 3, 4, 4), torch.zeros(1, 1, 4, 4))
    with pytest.raises(ValueError, match=r"expected masks of the shape \(1, 2, 4, 4\), found \(1, 1, 4, 4\)"):
        AleatoricLoss()(torch.zeros(1, 4, 4, 4), torch.zeros(1, 1, 4, 4))
    with pytest.raises(ValueError, match="samples must be at least 1"):
        AleatoricLoss(0)
