# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np

from monai_anomaly.data.chest.image import make_chest
from monai_anomaly.visualize import chest_figure, ellipses_figure
from monai_anomaly.visualize.twin_figures import twin_figure

from .pictures import at, cells, center, is_blue, near


def test_the_difference_has_its_sign_and_the_mask_its_place(tmp_path: Path) -> None:
    healthy, twin, mask = np.full((20, 20), 1.0), np.full((20, 20), -1.0), np.zeros((20, 20), bool)
    mask[2:6, 12:16] = True
    twin_figure(tmp_path / "a.png", [healthy], [np.where(mask, 0.5, twin)], [twin], [mask])
    own, diseased, other, change, drawn = cells(tmp_path / "a.png", 1, 5)[0]
    assert own.min() == 255 and other.max() == 0 and at(diseased, 0.2, 0.7, rotate=False)[0] > 150
    assert near(center(is_blue(change), rotate=False), (0.2, 0.7))
    assert near(center(drawn[..., 0] > 127, rotate=False), (0.2, 0.7))


def test_chest_figure_has_fluid_on_the_right_left_and_both_sides(tmp_path: Path) -> None:
    chest_figure(tmp_path / "c.png", size=48, seed=1)
    rows = cells(tmp_path / "c.png", 3, 5)
    for k, (row, side) in enumerate(zip(rows, ("right", "left", "both"), strict=True)):
        mask = make_chest(4 + k, 48, side).mask
        assert near(center(row[4][..., 0] > 127, rotate=False), center(mask.T, rotate=False))


def test_ellipses_figure_masks_what_was_changed(tmp_path: Path) -> None:
    ellipses_figure(tmp_path / "e.png", 0.1, size=32, rows=2)
    ellipses_figure(tmp_path / "none.png", 2.0, size=32, rows=2)
    for row, other in zip(cells(tmp_path / "e.png", 2, 5), cells(tmp_path / "none.png", 2, 5), strict=True):
        assert row[4].max() == 255 and other[4].max() == 0
        assert np.abs(row[1] - row[2]).max() > 25 and np.abs(row[0] - row[1]).max() > 25
