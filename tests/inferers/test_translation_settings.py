# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
from typing import Any

import pytest

from monai_anomaly.diffusion import NoiseSchedule, make_grid

from .tiny_guided import inferer


@pytest.mark.parametrize(
    "options",
    [
        {"encoding": "ddpm"},
        {"decoding": "noise"},
        {"grid": "cosine"},
        {"order": 3},
        {"level": 0},
        {"level": 1001},
        {"steps": 0},
        {"slice_range": (5, 5)},
        {"slice_range": (-1, 5)},
        {"batch_size": -1},
        {"divisor": 0},
        {"slice_axis": -1},
        {"data_range": -2.0},
        {"substeps": 0},
        {"seed": -1},
        {"label_scale": -1.0},
        {"start_level": 1001},
        {"clip": (1, -1)},
        {"interval": (400, 100)},
        {"grid": (0, 200, 100)},
        {"grid": "ddim333"},
        {"decoding_grid": (300, 100, 200, 0)},
    ],
)
def test_unknown_settings_are_refused_before_any_work(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=re.escape(str(next(iter(options.values()))))):
        inferer(**options)


def test_grids_the_wrong_way_round_are_refused() -> None:
    for options in ({"grid": [100, 50, 0]}, {"decoding_grid": [0, 50, 300]}):
        with pytest.raises(ValueError, match="grid must rise and decoding_grid fall"):
            inferer(**options)
    for options in ({"grid": [5, 100]}, {"decoding_grid": [300, 100, 20]}):
        with pytest.raises(ValueError, match="decoding must end at level 0"):
            inferer(**options)
    for level in (-5, 1100):
        with pytest.raises(ValueError, match=rf"levels of grid must be in 0\.\.1000, got {level}"):
            inferer(grid=sorted([0, 100, level]))


def test_respacing_that_a_command_line_made_a_number_of() -> None:
    assert inferer(grid=50).scheme.grid == inferer(grid="50").scheme.grid == make_grid(NoiseSchedule(), 300, 1, "50")
