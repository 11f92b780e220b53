# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from monai_anomaly.losses import GradientPenalty, ZeroCenteredPenalty


def images(n: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(0)
    return torch.randn(n, 2, 4, 5, generator=g), torch.randn(n, 2, 4, 5, generator=g)


def linear(slope: float, entries: int = 1) -> Callable[[torch.Tensor], torch.Tensor]:
    """A critic of that slope everywhere, whose map has the same number everywhere."""
    w = torch.randn(40, generator=torch.Generator().manual_seed(1))
    w *= slope / w.norm()
    return lambda x: (x.flatten(1) @ w)[:, None, None].expand(-1, 1, entries)


@pytest.mark.parametrize(("slope", "expected"), [(1.0, 0.0), (3.0, 4.0), (0.25, 0.5625)])
def test_linear_critic(slope: float, expected: float) -> None:
    assert GradientPenalty()(linear(slope), *images()).item() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(("output", "expected"), [("mean", 4.0), ("sum", (7 * 3 - 1) ** 2)])
def test_map(output: str, expected: float) -> None:
    """The published code's sum has a slope as many times larger as the map has entries."""
    assert GradientPenalty(output)(linear(3.0, entries=7), *images()).item() == pytest.approx(expected, rel=1e-5)


def test_critic_of_one_value_per_image() -> None:
    assert GradientPenalty()(lambda x: linear(3.0)(x)[:, 0, 0], *images()).item() == pytest.approx(4.0, abs=1e-5)


def test_each_image_counts_alike() -> None:
    """A critic of slope 1 for the first image, 3 for the second: the mean of 0 and 4, not the square of the mean."""
    scale = torch.tensor([1.0, 3.0])[:, None]
    penalty = GradientPenalty()(lambda x: scale * linear(1.0)(x)[:, 0], *images(2))
    assert penalty.item() == pytest.approx(2.0, abs=1e-5)


def test_gradient_reaches_the_critic_and_no_image() -> None:
    w = nn.Parameter(torch.full((40,), 0.5))
    real, fake = (x.requires_grad_() for x in images())
    GradientPenalty()(lambda x: (x.flatten(1) @ w)[:, None], real, fake).backward()
    norm = w.detach().norm()
    torch.testing.assert_close(w.grad, 2 * (norm - 1) * w.detach() / norm)
    assert real.grad is None and fake.grad is None


def test_taken_between_the_two_images_of_a_pair() -> None:
    seen = []
    real, fake = images(50)
    GradientPenalty()(lambda x: seen.append(x.detach()) or linear(1.0)(x), real, fake)
    t = ((seen[0] - fake) / (real - fake)).flatten(1)
    torch.testing.assert_close(t, t.median(1, keepdim=True).values.expand_as(t), rtol=1e-3, atol=1e-3)
    assert 0 <= t.median(1).values.min() < 0.3 and 0.7 < t.median(1).values.max() <= 1.001


def test_flat_critic_can_learn() -> None:
    w = nn.Parameter(torch.zeros(40))
    penalty = GradientPenalty()(lambda x: (x.flatten(1) @ w)[:, None], *images())
    penalty.backward()
    assert penalty.item() == pytest.approx(1.0, abs=1e-4) and w.grad is not None and w.grad.isfinite().all()


def test_without_pairs_it_is_zero() -> None:
    none = torch.zeros(0, 1, 4, 4)
    assert GradientPenalty()(linear(3.0), none, none).item() == 0


@pytest.mark.parametrize("kind", [GradientPenalty, ZeroCenteredPenalty])
def test_a_critic_of_float64(kind: type[GradientPenalty]) -> None:
    critic = nn.Linear(4, 1)
    real, fake = torch.rand(2, 3, 4, generator=torch.Generator().manual_seed(0))
    rough = kind()(critic, real, fake)
    exact = kind()(critic.double(), real.double(), fake.double())
    assert exact.dtype == torch.float64
    torch.testing.assert_close(rough, exact.float())


def test_mixed_precision_is_left_out() -> None:
    torch.manual_seed(0)
    critic = nn.Sequential(nn.Flatten(), nn.Linear(40, 8), nn.Tanh(), nn.Linear(8, 1))
    values = []
    for enabled in (False, True):
        torch.manual_seed(0)
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            values.append(GradientPenalty()(critic, *images()))
    assert torch.equal(*values) and values[1].dtype == torch.float32


def test_zero_centered_penalty_is_half_of_the_squared_slopes_at_real_and_artificial_images() -> None:
    real, fake = images(2)
    found = ZeroCenteredPenalty()(lambda x: 0.5 * x.flatten(1).square().sum(1), real, fake)  # its slope is x itself
    expected = sum(x.flatten(1).square().sum(1).mean() for x in (real, fake)) / 2
    torch.testing.assert_close(found, expected)
    assert ZeroCenteredPenalty("sum")(linear(3.0, 7), real, fake).item() == pytest.approx((7 * 3) ** 2, rel=1e-5)
    assert ZeroCenteredPenalty()(linear(3.0), real[:0], fake[:0]).item() == 0


def test_zero_centered_penalty_flattens_the_critic() -> None:
    w = nn.Parameter(torch.full((40,), 0.5))
    ZeroCenteredPenalty()(lambda x: (x.flatten(1) @ w)[:, None], *images()).backward()
    torch.testing.assert_close(w.grad, 2 * w.detach())


@pytest.mark.parametrize("kind", [GradientPenalty, ZeroCenteredPenalty])
def test_other_word(kind: type) -> None:
    with pytest.raises(ValueError, match=r"output must be one of .*, got 'max'"):
        kind("max")
