# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from itertools import pairwise

import torch

from .denoiser import Denoiser
from .grids import Grid, check_grid
from .guidance import Guide
from .schedule import Level, NoiseSchedule, coefficient
from .trajectory import Trajectory

__all__ = ["ddim_step", "solve", "solve_back"]


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

    Example::

        schedule, x, eps = NoiseSchedule(), torch.rand(2, 1, 8, 8), torch.randn(2, 1, 8, 8)
        up = ddim_step(schedule, x, eps, 100, 200)
        torch.testing.assert_close(ddim_step(schedule, up, eps, 200, 100), x)
    """
    signal, spread = schedule.amplitudes(level, x)
    x0 = (x - spread * eps) / signal
    signal, spread = schedule.amplitudes(target, x)
    if eta == 0:
        return signal * x0 + spread * eps
    a, b = schedule.alpha_bar(level), schedule.alpha_bar(target)
    sigma = eta * ((1 - b) / (1 - a)) ** 0.5 * (1 - a / b) ** 0.5
    return signal * x0 + coefficient((1 - b - sigma**2) ** 0.5, x) * eps + coefficient(sigma, x) * noise


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

    Returns:
        images at ``grid[-1]``.

    Raises:
        ValueError: when ``order`` is neither 1 nor 2, ``substeps`` is less than 1, the grid is not one that can be
            walked (see `check_grid`), or the record is of another call.

    Example::

        denoiser, grid = Denoiser(lambda x, timesteps: x, NoiseSchedule()), uniform_grid(500, 20)
        latent = solve(denoiser, torch.rand(2, 1, 8, 8), grid)  # encode
        image = solve(denoiser, latent, grid[::-1], order=2)  # decode
    """
    if order not in (1, 2):
        raise ValueError(f"order must be 1 or 2, got {order}")
    schedule = denoiser.schedule
    grid = check_grid(schedule, grid)
    before: tuple[float, torch.Tensor] | None = None
    for level, target in pairwise(grid):
        slope = eps = denoiser(x, level).eps
        h = schedule.sigma(target) - schedule.sigma(level)
        if order == 2 and before is not None:
            slope = eps + 0.5 * h / before[0] * (eps - before[1])
        before = (h, eps)
        if record is not None:
            record.append(level, eps, slope)
        x = _advance(schedule, x, slope, level, target, guidance, substeps)
    if record is not None:
        record.append(grid[-1], denoiser(x, grid[-1]).eps)
    return x


def solve_back(
    denoiser: Denoiser,
    x: torch.Tensor,
    trajectory: Trajectory,
    guidance: Guide | None = None,
    substeps: int = 1,
) -> torch.Tensor:
    """Undo an encoding that was recorded, on its grid reversed: with the encoding's denoiser and without guidance its
    input comes back to rounding, whatever the grid and the order.

    On each interval the slope is eps at the noisier end plus the recorded difference between the encoding's slope and
    eps there. So the result differs from the input by two things only: the guidance, and what this denoiser predicts
    otherwise than the encoding's, e.g. for another label.

    Args:
        denoiser: gives eps.
        x: images (N, C, ...) at the noisiest level.
        trajectory: the encoding's record.
        guidance: term added to eps; None for none.
        substeps: as in `solve`.

    Raises:
        ValueError: when the record is empty, or ``substeps`` is less than 1.

    Example::

        denoiser, record = Denoiser(lambda x, timesteps: x, NoiseSchedule()), Trajectory()
        latent = solve(denoiser, torch.rand(2, 1, 8, 8), (0, 100, 500), record=record)
        image = solve_back(denoiser, latent, record)
    """
    grid = check_grid(denoiser.schedule, trajectory.grid[::-1], "the record")
    for interval, (level, target) in zip(reversed(range(len(trajectory))), pairwise(grid), strict=True):
        slope = denoiser(x, level).eps + trajectory.correction(interval)
        x = _advance(denoiser.schedule, x, slope, level, target, guidance, substeps)
    return x
