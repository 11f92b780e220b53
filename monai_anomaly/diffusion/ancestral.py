# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from itertools import pairwise

import torch

from .denoiser import Denoiser, Prediction
from .grids import Grid, check_grid
from .guidance import Guide
from .noise import Noise
from .schedule import Level, NoiseSchedule, coefficient

__all__ = ["ancestral_step", "reverse_moments", "sample_ancestral"]


def reverse_moments(
    schedule: NoiseSchedule, x: torch.Tensor, prediction: Prediction, level: Level, target: Level
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and log-variance of the Gaussian p(x_target | x_level) of a prediction (arXiv:2102.09672, eq. 15).

    Without a learned variance it is the posterior q(x_target | x_level, x0) of the predicted clean image. Both have the
    shape of x or broadcast to it.

    Args:
        schedule: the noise schedule.
        x: images (N, C, ...) at ``level``.
        prediction: the denoiser's.
        level: where x is.
        target: where to go, below ``level``.

    Example::

        schedule, x = NoiseSchedule(), torch.randn(2, 1, 8, 8)
        prediction = Denoiser(lambda x, timesteps: x, schedule)(x, 500)
        mean, log_variance = reverse_moments(schedule, x, prediction, 500, 499)
    """
    to_x0, to_x, log_beta, log_posterior = (coefficient(v, x) for v in schedule.posterior(level, target))
    log_variance = torch.as_tensor(log_posterior, dtype=x.dtype, device=x.device)
    if prediction.variance is not None:
        share = (prediction.variance + 1) / 2
        log_variance = share * log_beta + (1 - share) * log_variance
    return to_x0 * prediction.x0 + to_x * x, log_variance


def ancestral_step(
    schedule: NoiseSchedule,
    x: torch.Tensor,
    prediction: Prediction,
    level: Level,
    target: Level,
    noise: torch.Tensor | float = 0.0,
    shift: torch.Tensor | float = 0.0,
) -> torch.Tensor:
    """One step of the learned-range DDPM sampler between any two levels, see `reverse_moments`.

    No noise is added in the step to level 0.

    Args:
        schedule: the noise schedule.
        x: images (N, C, ...) at ``level``.
        prediction: the denoiser's.
        level: where x is.
        target: where to go, below ``level``.
        noise: standard normal, shaped as x.
        shift: gradient of a log-likelihood by which the mean is moved, times the variance (arXiv:2105.05233, Algorithm
            1).
    """
    mean, log_variance = reverse_moments(schedule, x, prediction, level, target)
    mean = mean + log_variance.exp() * shift
    moving = coefficient((target > 0).double(), x) if isinstance(target, torch.Tensor) else float(target > 0)
    return mean + moving * (0.5 * log_variance).exp() * noise


def sample_ancestral(
    denoiser: Denoiser,
    x: torch.Tensor,
    grid: Grid,
    noise: Noise,
    guidance: Guide | None = None,
) -> torch.Tensor:
    """Ancestral DDPM sampling down a grid, with as many or as few levels as it has (arXiv:2006.11239, Algorithm 2).

    Args:
        denoiser: gives eps, x0 and the learned variance if there is one.
        x: images (N, C, ...) at ``grid[0]``.
        grid: decreasing levels.
        noise: draws standard normal noise shaped as its argument (see `SeededNoise`).
        guidance: shifts the mean by variance times gradient; None for none.

    Raises:
        ValueError: when the grid does not fall, or has a level outside of 0..T.

    Example::

        denoiser = Denoiser(lambda x, timesteps: x, NoiseSchedule())
        noise = SeededNoise([0, 1])
        images = sample_ancestral(denoiser, noise(torch.empty(2, 1, 8, 8)), uniform_grid(1000, 5)[::-1], noise)
    """
    schedule = denoiser.schedule
    grid = check_grid(schedule, grid)
    if grid[0] < grid[-1]:
        raise ValueError(f"grid must fall from noise to the clean image, got {grid[0]} to {grid[-1]}")
    for level, target in pairwise(grid):
        prediction = denoiser(x, level)
        # a guide speaks in eps: its gradient is -term / sqrt(1 - abar)
        shift = 0.0 if guidance is None else -guidance(x, level) / math.sqrt(1 - schedule.alpha_bar(level))
        x = ancestral_step(schedule, x, prediction, level, target, noise(x) if target > 0 else 0.0, shift)
    return x
