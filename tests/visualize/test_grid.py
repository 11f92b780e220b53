# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from monai_anomaly.visualize import GridColumn, Outline, draw_grid

from .pictures import at, cells, center, has_color, near

COLOR = "#00ff00"


def block(rows: int, x: int, y: int) -> np.ndarray:
    """Images of 20 x 10 pixels with a bright spot; upper rows have it brighter."""
    images = np.zeros((rows, 20, 10))
    images[:, x : x + 4, y : y + 4] = np.linspace(1, 0.5, rows)[:, None, None]
    return images


@pytest.mark.parametrize("rotate", [True, False])
@pytest.mark.parametrize("labels", [(), ("one", "two", "three")])
def test_every_image_lies_in_its_cell_the_right_way_up(tmp_path: Path, rotate: bool, labels: tuple[str, ...]) -> None:
    columns = [GridColumn("a", block(3, 2, 0), bar=True), GridColumn("b\nsecond line", block(3, 14, 6), smooth=False)]
    draw_grid(tmp_path / "new" / "grid.png", columns, labels, rotate, "title", cell=2)
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["grid.png"]
    found = cells(tmp_path / "new" / "grid.png", 3, 2)
    for row in found:
        for cell, place in zip(row, ((0.2, 0.2), (0.8, 0.8)), strict=True):
            assert abs(cell.shape[1] / cell.shape[0] - 2) < 0.05
            assert near(center(cell[..., 0] > 100, rotate), place)
    spots = [at(row[1], 0.8, 0.8, rotate)[0] for row in found]
    assert spots == pytest.approx([255, 191, 127], abs=2)


def test_an_outline_surrounds_its_region_in_its_row(tmp_path: Path) -> None:
    regions = block(2, 8, 3) > 0
    regions[1] = False
    draw_grid(tmp_path / "a.png", [GridColumn("a", np.zeros((2, 20, 10)), outlines=[Outline("true", regions, COLOR)])])
    (first,), (second,) = cells(tmp_path / "a.png", 2, 1)
    line = has_color(first, COLOR)
    assert near(center(line), (0.5, 0.5)) and not has_color(first, COLOR)[len(first) // 2, first.shape[1] // 2]
    assert not has_color(second, COLOR).any()


def test_limits_are_the_first_and_the_last_color(tmp_path: Path) -> None:
    images = np.repeat(np.array([-5.0, 2.0, 3.0, 9.0]), 5).reshape(1, 20, 1) * np.ones((1, 20, 10))
    draw_grid(tmp_path / "a.png", [GridColumn("a", images, (1, 3), smooth=False)])
    ((cell,),) = cells(tmp_path / "a.png", 1, 1)
    assert [at(cell, x, 0.5)[0] for x in (0.1, 0.4, 0.6, 0.9)] == pytest.approx([0, 128, 255, 255], abs=2)


def test_the_name_is_that_of_the_caller(tmp_path: Path) -> None:
    """Matplotlib would add a suffix, or take one for another format."""
    for name in ("picture", "picture.v2"):
        draw_grid(tmp_path / name, [GridColumn("a", block(1, 20, 20))])
        with Image.open(tmp_path / name) as image:
            assert image.format == "PNG"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["picture", "picture.v2"]
