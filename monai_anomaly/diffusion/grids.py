# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from .schedule import NoiseSchedule

__all__ = [
    "Grid",
    "check_grid",
    "karras_grid",
    "make_grid",
    "respaced_grid",
    "round_trip_gaps",
    "strided_grid",
    "uniform_grid",
]

Grid = tuple[float, ...]

_RESPACING = re.compile(r"(ddim)?\d+(,\d+)*")


def check_grid(schedule: NoiseSchedule, grid: Sequence[float], name: str = "grid") -> Grid:
    """A grid as a tuple, if it is one that a solver can walk.

    Args:
        schedule: the noise schedule.
        grid: levels.
        name: what the caller calls it, for the error.

    Raises:
        ValueError: when there are fewer than two levels, one of them is not in 0..T, or they neither rise nor fall from
            each to the next.
    """
    levels = tuple(schedule.check_level(level, f"levels of {name}") for level in grid)
    pairs = list(pairwise(levels))
    if not pairs or not (all(a < b for a, b in pairs) or all(a > b for a, b in pairs)):
        raise ValueError(f"{name} must have at least two levels, all rising or all falling, got {_shown(levels)}")
    return levels


def round_trip_gaps(up: Grid, down: Grid, start: float = 0) -> list[str]:
    """Where an encoding and a decoding do not join, in words; empty where they do.

    Args:
        up: the encoding's levels.
        down: the decoding's levels.
        start: level that the image is at.

    Raises:
        ValueError: when ``up`` falls, ``down`` rises, or ``down`` ends above 0, so that noise would stay in the image.
    """
    if up[0] > up[-1] or down[0] < down[-1]:
        raise ValueError(f"grid must rise and decoding_grid fall, got {up[0]} to {up[-1]} and {down[0]} to {down[-1]}")
    if down[-1] != 0:
        raise ValueError(f"decoding must end at level 0, the clean image, got {down[-1]}")
    gaps = [f"encoding starts at level {up[0]}, but the image is at {start}"] if up[0] != start else []
    return gaps + ([f"decoding starts at level {down[0]}, but encoding ends at {up[-1]}"] if down[0] != up[-1] else [])


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


def respaced_grid(schedule: NoiseSchedule, respacing: str, level: int | None = None) -> Grid:
    """The levels 0 to ``level`` that guided-diffusion's ``timestep_respacing`` keeps of the T (its index i is i + 1).

    Source: ``space_timesteps`` of openai/guided-diffusion.

    Args:
        schedule: the noise schedule.
        respacing: ``"ddimN"``: every stride-th level from 1 on, N in all; ``"N"``: N levels from 1 to T, evenly;
            ``"N1,N2,..."``: as many of each of equally long parts.
        level: where the grid ends, T for None; higher levels are dropped.

    Raises:
        ValueError: when the respacing is not one of these, or no grid has so many levels.
    """
    T = schedule.num_train_timesteps
    if not _RESPACING.fullmatch(respacing):
        raise ValueError(f"respacing must be like 'ddim100', '250' or '10,10,10', got {respacing!r}")
    if respacing.startswith("ddim"):
        kept = _every_nth(T, respacing)
    else:
        kept = _evenly_in_parts(T, [int(n) for n in respacing.split(",")])
    level = T if level is None else level
    return (0, *(k for k in kept if k < level), level)


def _every_nth(T: int, respacing: str) -> list[int]:
    count = respacing.removeprefix("ddim")
    for stride in range(1, T + 1):
        kept = list(range(1, T + 1, stride))
        if count == str(len(kept)):
            return kept
    raise ValueError(f"{respacing!r}: no whole stride keeps {count} of {T} levels")


def _evenly_in_parts(T: int, counts: Sequence[int]) -> list[int]:
    size, longer = divmod(T, len(counts))
    kept, start = [], 1
    for part, count in enumerate(counts):
        here = size + (part < longer)
        if count > here:
            raise ValueError(f"part {part + 1} of {len(counts)} has {here} levels, fewer than the {count} asked for")
        stride, at = (here - 1) / max(1, count - 1), 0.0
        for _ in range(count):
            kept.append(start + round(at))
            at += stride  # summed up as there, so that halves are rounded as there
        start += here
    return kept


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
        kind: ``"uniform"``, ``"strided"`` (the smallest whole stride that gives ``steps`` intervals), ``"karras"``, or
            a respacing such as ``"ddim100"`` (see `respaced_grid`; ``steps`` does not count then).

    Raises:
        ValueError: when the level or the number of steps is out of range, the name is unknown, or no stride gives so
            many intervals.
    """
    if not 1 <= level <= schedule.num_train_timesteps:
        raise ValueError(f"level must be in 1..{schedule.num_train_timesteps}, got {level}")
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    if kind == "uniform":
        return uniform_grid(level, steps)
    if kind == "strided":
        return _strided(level, min(steps, level))
    if kind == "karras":
        return karras_grid(schedule, level, steps)
    if _RESPACING.fullmatch(kind):
        return respaced_grid(schedule, kind, level)
    raise ValueError(f"kind must be 'uniform', 'strided', 'karras' or a respacing like 'ddim100', got {kind!r}")


def _strided(level: int, steps: int) -> Grid:
    possible: dict[int, Grid] = {}
    for stride in range(1, level + 1):
        grid = strided_grid(level, stride)
        possible.setdefault(len(grid) - 1, grid)
    if steps not in possible:
        nearest = sorted(sorted(possible, key=lambda n: abs(n - steps))[:2])
        raise ValueError(f"steps={steps}: no whole stride gives so many intervals to level {level}; near are {nearest}")
    return possible[steps]


def _shown(levels: Grid) -> str:
    return str(levels) if len(levels) <= 8 else f"({', '.join(map(str, levels[:4]))}, ..., {levels[-1]})"
