# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from monai_anomaly.visualize.slice_figure import draw_slices, show_volume, spread_slices


@pytest.mark.parametrize("rows", [1, 3, 40])
def test_highest_slices_in_their_order(rows: int) -> None:
    weight = np.random.default_rng(0).random(30)
    chosen = spread_slices(weight, weight > 0, rows)
    assert chosen == sorted(set(chosen)) and len(chosen) == min(rows, 30) and int(weight.argmax()) in chosen


def test_neighbors_do_not_take_every_row() -> None:
    """A lesion over half of the stack: its slices are shown at a distance."""
    weight = np.where(np.arange(40) < 20, 100 - np.arange(40), 0.0)
    chosen = spread_slices(weight, weight > 0, 4)
    assert len(chosen) == 4 and min(np.diff(chosen)) > 1 and max(chosen) < 20


def test_other_slices_only_where_none_is_eligible() -> None:
    weight = np.arange(6.0)
    assert spread_slices(weight, weight < 2, 4) == [0, 1]
    assert spread_slices(weight, weight > 9, 2) == [4, 5]


def test_a_row_a_slice_and_a_column_a_title(tmp_path: Path) -> None:
    volume = np.random.default_rng(0).random((8, 12, 5))
    columns = {name: show_volume(volume, 0, 1, True) for name in ("first", "second", "third")}
    draw_slices(tmp_path / "figure.png", columns, [1, 4], volume.shape[:2], "title")
    assert imread(tmp_path / "figure.png").shape[:2] == (50 + 2 * 450, 900)
