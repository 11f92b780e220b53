# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import itertools

import pytest

from monai_anomaly.diffusion import karras_grid, make_grid, respaced_grid, strided_grid, uniform_grid

from .analytic import SCHEDULE


def test_grids() -> None:
    assert uniform_grid(500, 500) == tuple(range(501))
    assert uniform_grid(500, 5) == (0, 100, 200, 300, 400, 500)
    assert uniform_grid(3, 100) == (0, 1, 2, 3)
    assert strided_grid(500, 100) == (0, 1, 101, 201, 301, 401, 500)
    karras = karras_grid(SCHEDULE, 500, 12)
    assert len(karras) == 13
    assert karras[0] == 0
    assert karras[-1] == 500
    assert all(b > a for a, b in itertools.pairwise(karras))


@pytest.mark.parametrize("kind", ["uniform", "strided", "karras"])
@pytest.mark.parametrize("steps", [2, 12, 251, 500])
def test_named_grids_have_as_many_intervals_as_were_asked_for(kind, steps) -> None:
    grid = make_grid(SCHEDULE, 500, steps, kind)
    assert (len(grid) - 1, grid[0], grid[-1]) == (steps, 0, 500)
    assert all(b > a for a, b in itertools.pairwise(grid))


@pytest.mark.parametrize("steps", [200, 300, 499])
def test_number_that_no_stride_gives_is_refused_and_the_nearest_are_named(steps) -> None:
    with pytest.raises(ValueError, match="no whole stride") as error:
        make_grid(SCHEDULE, 500, steps, "strided")
    nearest = [int(n) for n in str(error.value).split("[")[1].rstrip("]").split(",")]
    assert len(nearest) == 2
    for n in nearest:
        assert len(make_grid(SCHEDULE, 500, n, "strided")) == n + 1


def space_timesteps(num_timesteps, section_counts):
    """guided_diffusion/respace.py of openai/guided-diffusion, written down from its steps; 0-based indices."""
    if section_counts.startswith("ddim"):
        wanted = int(section_counts[4:])
        return next(
            set(range(0, num_timesteps, i))
            for i in range(1, num_timesteps)
            if len(range(0, num_timesteps, i)) == wanted
        )
    counts = [int(n) for n in section_counts.split(",")]
    size_per, extra = divmod(num_timesteps, len(counts))
    start, steps = 0, []
    for i, count in enumerate(counts):
        size = size_per + (1 if i < extra else 0)
        stride = 1 if count <= 1 else (size - 1) / (count - 1)
        current = 0.0
        for _ in range(count):
            steps.append(start + round(current))
            current += stride
        start += size
    return set(steps)


@pytest.mark.parametrize("respacing", ["ddim25", "ddim100", "ddim500", "250", "50", "1000", "10,10,10", "90,60,0,20,1"])
def test_respaced_grid_keeps_the_levels_of_guided_diffusion(respacing) -> None:
    kept = sorted(i + 1 for i in space_timesteps(1000, respacing))
    whole = respaced_grid(SCHEDULE, respacing)
    assert whole == (0, *(k for k in kept if k < 1000), 1000)
    assert make_grid(SCHEDULE, 400, 7, respacing) == (0, *(k for k in kept if k < 400), 400)


@pytest.mark.parametrize("respacing", ["ddim333", "ddim", "10;10", "1200", "10,990", "-5", ""])
def test_respacing_that_does_not_exist_is_refused(respacing) -> None:
    with pytest.raises(ValueError, match=r"respacing|no whole stride|fewer than"):
        respaced_grid(SCHEDULE, respacing)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((0, 5), "level must be in"), ((1001, 5), "level"), ((500, 0), "steps"), ((500, 5, "x"), "kind")],
)
def test_bad_grids(arguments, message) -> None:
    with pytest.raises(ValueError, match=message):
        make_grid(SCHEDULE, *arguments)
