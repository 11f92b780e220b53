# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import torch

from .denoiser import Denoiser, Prediction
from .grids import Grid, check_grid
from .guidance import Guidance, GuidanceSum
from .inversion import Trajectory
from .schedule import Level, NoiseSchedule, coefficient

__all__ = ["ancestral_step", "ddim_step", "sample_ancestral", "solve", "solve_back"]

Guide = Guidance | GuidanceSum
Progress = Callable[[int, int], None]


def ddim_step(
    schedule: NoiseSchedule,
    x: torch.Tensor,
    eps: torch.Tensor,
    level: Level,
    target: Level,
    eta: float = 0.0,
    noise: torch.Tensor | float = 0.0,
) -> torch.Tensor:
    """One DDIM step between any two levels, up or down: thesis eqs. 7.5 and 7.6 (arXiv:2010.02502, eq. 12).

    Args:
        schedule: the noise schedule.
        x: images (N, C, ...) at ``level``.
        eps: the noise in x, with the guidance's term if there is one.
        level: where x is.
        target: where to go, above or below.
        eta: 0 is deterministic; 1 is the DDPM's variance (downward steps only).
        noise: standard normal, shaped as x, for ``eta > 0``.
    """
    a, b = schedule.alpha_bar(level), schedule.alpha_bar(target)
    x0 = (x - coefficient((1 - a) ** 0.5, x) * eps) / coefficient(a**0.5, x)
    if eta == 0:
        return coefficient(b**0.5, x) * x0 + coefficient((1 - b) ** 0.5, x) * eps
    sigma = eta * ((1 - b) / (1 - a)) ** 0.5 * (1 - a / b) ** 0.5
    direction = coefficient((1 - b - sigma**2) ** 0.5, x)
    return coefficient(b**0.5, x) * x0 + direction * eps + coefficient(sigma, x) * noise


def _advance(
    schedule: NoiseSchedule,
    x: torch.Tensor,
    slope: torch.Tensor,
    level: float,
    target: float,
    guidance: Guide | None,
    substeps: int,
) -> torch.Tensor:
    """Follow the diffusion slope from level to target while the guide is evaluated anew on each of the substeps."""
    if substeps < 1:
        raise ValueError(f"substeps must be at least 1, got {substeps}")
    if guidance is None:
        return ddim_step(schedule, x, slope, level, target)
    for here, there in pairwise(schedule.subdivide(level, target, substeps)):
        x = ddim_step(schedule, x, slope + guidance(x, here), here, there)
    return x


def solve(
    denoiser: Denoiser,
    x: torch.Tensor,
    grid: Grid,
    order: int = 1,
    guidance: Guide | None = None,
    substeps: int = 1,
    record: Trajectory | None = None,
    progress: Progress | None = None,
) -> torch.Tensor:
    """Integrate the probability-flow ODE d(x / sqrt(abar)) = eps d(sigma) along a grid; encoding and decoding are the
    same call.

    Args:
        denoiser: gives eps.
        x: images (N, C, ...) at ``grid[0]``.
        grid: increasing levels encode, decreasing levels decode.
        order: 1, DDIM (the thesis), or 2, the two-step Adams-Bashforth rule in sigma.
        guidance: term added to eps; None for none.
        substeps: K, on how many parts of each interval the guide is evaluated anew while the diffusion slope is held
            (Lie splitting, arXiv:2301.11558); 1 is the papers' scheme.
        record: filled with what `solve_back` needs to undo this call exactly.
        progress: called as ``progress(done, total)`` after each interval.

    Returns:
        images at ``grid[-1]``.

    Raises:
        ValueError: when ``order`` is neither 1 nor 2, ``substeps`` is less than 1, the grid is not one that can be
            walked (see `check_grid`), or the record is that of another call.
    """
    if order not in (1, 2):
        raise ValueError(f"order must be 1 or 2, got {order}")
    schedule = denoiser.schedule
    grid = check_grid(schedule, grid)
    before: tuple[float, torch.Tensor] | None = None
    for done, (level, target) in enumerate(pairwise(grid), start=1):
        slope = eps = denoiser(x, level).eps
        h = schedule.sigma(target) - schedule.sigma(level)
        if order == 2 and before is not None:
            slope = eps + 0.5 * h / before[0] * (eps - before[1])
        before = (h, eps)
        if record is not None:
            record.append(level, eps, slope)
        x = _advance(schedule, x, slope, level, target, guidance, substeps)
        if progress is not None:
            progress(done, len(grid) - 1)
    if record is not None:
        record.append(grid[-1], denoiser(x, grid[-1]).eps)
    return x


def solve_back(
    denoiser: Denoiser,
    x: torch.Tensor,
    trajectory: Trajectory,
    guidance: Guide | None = None,
    substeps: int = 1,
    progress: Progress | None = None,
) -> torch.Tensor:
    """Undo an encoding that was recorded, on its grid reversed: with the encoding's denoiser and without guidance its
    input comes back to rounding, whatever the grid and the order.

    On each interval the slope is eps at the noisier end plus the difference that the encoding had between its own
    slope and eps at that very end; what is left in the result is the guidance, and what this denoiser says otherwise
    than the encoding's (another label), alone.

    Args:
        denoiser: gives eps.
        x: images (N, C, ...) at the noisiest level.
        trajectory: the encoding's record.
        guidance: term added to eps; None for none.
        substeps: as in `solve`.
        progress: called as ``progress(done, total)`` after each interval.

    Raises:
        ValueError: when the record is empty, or ``substeps`` is less than 1.
    """
    grid = check_grid(denoiser.schedule, trajectory.grid[::-1], "the record")
    for done, (level, target) in enumerate(pairwise(grid), start=1):
        slope = denoiser(x, level).eps + trajectory.correction(len(trajectory) - done)
        x = _advance(denoiser.schedule, x, slope, level, target, guidance, substeps)
        if progress is not None:
            progress(done, len(trajectory))
    return x


def ancestral_step(
    schedule: NoiseSchedule,
    x: torch.Tensor,
    prediction: Prediction,
    level: Level,
    target: Level,
    noise: torch.Tensor | float = 0.0,
    shift: torch.Tensor | float = 0.0,
) -> torch.Tensor:
    """One step of the learned-range DDPM sampler, between any two levels (arXiv:2102.09672, eq. 15, in log space).

    A network that learns no variance gets the lower bound, the posterior's own. No noise is added in the step to level
    0.

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
    to_x0, to_x, log_beta, log_posterior = (coefficient(v, x) for v in schedule.posterior(level, target))
    log_variance = torch.as_tensor(log_posterior, dtype=x.dtype, device=x.device)
    if prediction.variance is not None:
        share = (prediction.variance + 1) / 2
        log_variance = share * log_beta + (1 - share) * log_variance
    mean = to_x0 * prediction.x0 + to_x * x + log_variance.exp() * shift
    moving = coefficient((target > 0).double(), x) if isinstance(target, torch.Tensor) else float(target > 0)
    return mean + moving * (0.5 * log_variance).exp() * noise


def sample_ancestral(
    denoiser: Denoiser,
    x: torch.Tensor,
    grid: Grid,
    noise: Callable[[torch.Tensor], torch.Tensor],
    guidance: Guide | None = None,
    progress: Progress | None = None,
) -> torch.Tensor:
    """Ancestral DDPM sampling down a grid, with as many or as few levels as it has (arXiv:2006.11239, Algorithm 2).

    Args:
        denoiser: gives eps, x0 and the learned variance if there is one.
        x: images (N, C, ...) at ``grid[0]``.
        grid: decreasing levels.
        noise: draws standard normal noise shaped as its argument (see `SeededNoise`).
        guidance: shifts the mean by variance times gradient; None for none.
        progress: called as ``progress(done, total)`` after each interval.

    Raises:
        ValueError: when the grid does not fall, or has a level that is none.
    """
    schedule = denoiser.schedule
    grid = check_grid(schedule, grid)
    if grid[0] < grid[-1]:
        raise ValueError(f"grid must fall from noise to the clean image, got {grid[0]} to {grid[-1]}")
    for done, (level, target) in enumerate(pairwise(grid), start=1):
        prediction = denoiser(x, level)
        # a guide speaks in eps: its gradient is -term / sqrt(1 - abar)
        shift = 0.0 if guidance is None else -guidance(x, level) / math.sqrt(1 - schedule.alpha_bar(level))
        x = ancestral_step(schedule, x, prediction, level, target, noise(x) if target > 0 else 0.0, shift)
        if progress is not None:
            progress(done, len(grid) - 1)
    return x
