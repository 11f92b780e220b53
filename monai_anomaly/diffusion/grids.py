# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

from .schedule import NoiseSchedule

__all__ = ["Grid", "karras_grid", "make_grid", "strided_grid", "uniform_grid"]

Grid = tuple[float, ...]


def uniform_grid(level: int, steps: int) -> Grid:
    """``steps`` intervals from the clean image (0) to ``level``, as even as whole levels allow.

    Args:
        level: the noise level L, at least 1.
        steps: number of intervals; more than ``level`` means every level (the thesis: 500 of 500).
    """
    n = min(steps, level)
    return tuple(round(k * level / n) for k in range(n + 1))


def strided_grid(level: int, stride: int) -> Grid:
    """The levels 0, 1, 1 + stride, 1 + 2 stride, ... and ``level``: every stride-th index of the published code."""
    return (0, *range(1, level, stride), level)


def karras_grid(schedule: NoiseSchedule, level: int, steps: int, rho: float = 3.0) -> Grid:
    """``steps`` intervals from 0 to ``level``, evenly spaced in sigma^(1/rho) (Karras et al., arXiv:2206.00364, eq. 5).

    Args:
        schedule: the noise schedule that turns sigma into levels.
        level: the noise level L.
        steps: number of intervals.
        rho: 1 is even in sigma; larger values spend more steps near the clean image.
    """
    top = schedule.sigma(level) ** (1 / rho)
    inner = (schedule.level_of_sigma((top * k / steps) ** rho) for k in range(1, steps))
    return (0, *inner, level)


def make_grid(schedule: NoiseSchedule, level: int, steps: int, kind: str = "uniform") -> Grid:
    """The grid of a name, for configurations.

    Args:
        schedule: the noise schedule.
        level: the noise level L in 1..T.
        steps: number of intervals.
        kind: ``"uniform"``, ``"strided"`` (the nearest whole stride) or ``"karras"``.

    Raises:
        ValueError: when the level or the number of steps is out of range or the name is unknown.
    """
    if not 1 <= level <= schedule.num_train_timesteps:
        raise ValueError(f"level must be in 1..{schedule.num_train_timesteps}, got {level}")
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    if kind == "uniform":
        return uniform_grid(level, steps)
    if kind == "strided":
        return strided_grid(level, math.ceil(level / steps))
    if kind == "karras":
        return karras_grid(schedule, level, steps)
    raise ValueError(f"kind must be 'uniform', 'strided' or 'karras', got {kind!r}")
