# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import itertools
import math

import pytest
import torch

from monai_anomaly.diffusion import NoiseSchedule

from .analytic import SCHEDULE


def test_levels_between_levels() -> None:
    for level in (0, 0.3, 1, 17.25, 500, 999.5):
        assert SCHEDULE.level_of_sigma(SCHEDULE.sigma(level)) == pytest.approx(level, abs=1e-9)
    parts = SCHEDULE.subdivide(500, 400, 4)
    sigma = [SCHEDULE.sigma(p) for p in parts]
    assert (parts[0], parts[-1]) == (500, 400)
    assert [b - a for a, b in itertools.pairwise(sigma)] == pytest.approx([(sigma[-1] - sigma[0]) / 4] * 4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_levels_in_a_tensor_are_the_levels_one_by_one(dtype) -> None:
    """17.5 in a tensor was 17."""
    levels = [0, 0.5, 1, 17.5, 500, 999.75, 1000, 1001]
    expected = [SCHEDULE.alpha_bar(level) for level in levels]
    assert SCHEDULE.alpha_bar(torch.tensor(levels, dtype=dtype)).tolist() == pytest.approx(expected, rel=1e-12)
    assert SCHEDULE.alpha_bar(torch.tensor(levels)[[0, 2, 4]].int()).tolist() == [expected[i] for i in (0, 2, 4)]


@pytest.mark.parametrize("level", [-1, -0.5, 1000.5, 1002, math.nan])
def test_levels_outside_of_the_schedule_are_refused(level) -> None:
    """-1 was pure noise, and levels above T were extrapolated."""
    for value in (level, torch.tensor([3.0, level])):
        with pytest.raises(ValueError, match=r"must be in 0\.\.1000"):
            SCHEDULE.alpha_bar(value)


@pytest.mark.parametrize("steps", [50, 100, 250, 1000, 4000])
def test_last_level_is_nearly_pure_noise_whatever_the_number_of_steps(steps) -> None:
    """As in guided-diffusion, whose betas are scaled by 1000 / T; unscaled, abar is 0.364 at T = 100."""
    schedule = NoiseSchedule(steps)
    assert schedule.alpha_bar(steps) < 6e-5
    assert schedule.alpha_bar(steps // 2) == pytest.approx(SCHEDULE.alpha_bar(500), rel=0.2)
    betas = 1000 / steps * torch.linspace(1e-4, 0.02, steps, dtype=torch.float64)
    torch.testing.assert_close(schedule.alphas_cumprod[1:-1], torch.cumprod(1 - betas, 0))


@pytest.mark.parametrize("steps", [1, 20])
def test_too_few_steps_for_a_linear_schedule_are_refused(steps) -> None:
    with pytest.raises(ValueError, match=rf"betas must be in \(0, 1\).*num_train_timesteps={steps}"):
        NoiseSchedule(steps)


def test_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="kind must be"):
        NoiseSchedule(kind="quadratic")


def test_schedule_survives_half_precision(images) -> None:
    before = SCHEDULE.alphas_cumprod.clone()
    assert SCHEDULE.add_noise(images.half(), images.half(), torch.tensor([1, 5, 900])).dtype == torch.float16
    assert torch.equal(SCHEDULE.alphas_cumprod, before)
    assert SCHEDULE.alphas_cumprod.dtype == torch.float64


def test_first_use_in_inference_mode_does_not_spoil_a_training(images) -> None:
    schedule = NoiseSchedule()
    with torch.inference_mode():
        schedule.add_noise(images, images, torch.tensor([1, 5, 900]))
    x = images.clone().requires_grad_()
    schedule.add_noise(x, images, torch.tensor([1, 5, 900])).sum().backward()
    assert x.grad is not None
