# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from monai_anomaly.visualize.slice_grid import SliceGrid, pick_by_size, show_images
from monai_anomaly.visualize.style import turn_slice


def test_cells_keep_the_shape_of_the_slices(tmp_path: Path) -> None:
    images = np.random.default_rng(0).random((3, 20, 10))
    columns = {name: show_images(images, 0, 1, True) for name in ("a", "b")}
    grid = SliceGrid(columns, [2, 0], ["two", "zero"], images.shape[1:], width=5)
    grid.color_bar("a")
    grid.legend("b", [("true", "red")])
    grid.save(tmp_path / "grid.png", "title")
    box = grid.lowest["a"].get_position()
    height = 5 * Image.open(tmp_path / "grid.png").height / 500
    assert abs(box.width * 5 / (box.height * height) - 2) < 0.05  # 20 wide, 10 tall
    np.testing.assert_array_equal(grid.drawn["a"].get_array(), np.float32(np.rot90(images[0])))


def test_slices_stand_upright_or_hang() -> None:
    image = np.arange(6).reshape(3, 2)  # x grows by 2, y by 1
    assert turn_slice(image, True).tolist() == [[1, 3, 5], [0, 2, 4]]
    assert turn_slice(image, False).tolist() == [[0, 2, 4], [1, 3, 5]]


def test_healthy_slices_fill_up() -> None:
    sizes = np.array([0, 5, 0, 9, 7, 0])
    assert pick_by_size(sizes, sizes > 0, sizes == 0, rows=3, healthy_rows=1) == [3, 1, 0]
    assert pick_by_size(sizes, sizes > 0, sizes == 0, rows=5, healthy_rows=1) == [3, 4, 1, 0, 5]
    assert pick_by_size(sizes, sizes > 9, sizes > 9, rows=5, healthy_rows=1) == []
