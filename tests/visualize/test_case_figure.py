# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from monai_anomaly.visualize import case_figure


def case(*shape: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    image, score = rng.random(shape, dtype=np.float32), rng.random(shape, dtype=np.float32)
    return {"image": image, "healthy": image / 2, "score": score, "mask": score > 0.9}


@pytest.mark.parametrize(("shape", "rows"), [((12, 14), 1), ((12, 14, 1), 1), ((12, 14, 9), 4), ((12, 14, 2), 2)])
def test_one_row_a_slice_and_no_more_than_asked(tmp_path: Path, shape: tuple[int, ...], rows: int) -> None:
    case_figure(tmp_path / "new" / "figure.png", **case(*shape), title="case", rows=4)
    height, width = imread(tmp_path / "new" / "figure.png").shape[:2]
    assert width == 1200 and abs(height - (50 + rows * 300 * 14 / 12)) <= 2
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["figure.png"]


def test_slices_with_the_highest_map_are_shown(tmp_path: Path) -> None:
    """Other slices may change without a change of the picture."""
    data = case(8, 8, 12)
    data["score"] *= 0.1
    data["score"][..., 5] += 1
    case_figure(tmp_path / "a.png", **data, rows=1)
    data["image"][..., [0, 11]] = 0
    case_figure(tmp_path / "b.png", **data, rows=1)
    data["image"][..., 5] = 0
    case_figure(tmp_path / "c.png", **data, rows=1)
    a, b, c = (imread(tmp_path / f"{name}.png") for name in "abc")
    assert np.array_equal(a, b) and not np.array_equal(a, c)


def test_up_is_up_in_anatomical_order_only(tmp_path: Path) -> None:
    data = {key: np.zeros((10, 10)) for key in ("image", "healthy", "score", "mask")}
    data["image"][:, 8:] = 1  # the largest y
    heights = []
    for anatomical in (True, False):
        case_figure(tmp_path / "figure.png", **data, anatomical=anatomical)
        first = imread(tmp_path / "figure.png")[60:, :250, :3].min(axis=2)  # white pixels of the first column
        heights.append(float(np.nonzero(first > 0.99)[0].mean()))
    assert heights[0] < heights[1]


def test_nothing_found_is_no_error(tmp_path: Path) -> None:
    data = case(8, 8, 3)
    case_figure(tmp_path / "figure.png", **{**data, "score": 0 * data["score"], "mask": data["mask"] & False})
    assert (tmp_path / "figure.png").stat().st_size > 1000


def test_slices_that_were_not_translated_are_not_shown(tmp_path: Path) -> None:
    data = case(8, 10, 12)
    data["score"][..., :10] = 0
    case_figure(tmp_path / "figure.png", **data, rows=4)
    assert abs(imread(tmp_path / "figure.png").shape[0] - (50 + 2 * 300 * 10 / 8)) <= 2


@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 3)])
def test_difference_has_a_column_of_its_own_with_two_colors(tmp_path: Path, shape: tuple[int, ...]) -> None:
    data = case(*shape)
    data["difference"] = np.zeros(shape)
    data["difference"][:4] = 0.5
    data["difference"][4:] = -0.5
    case_figure(tmp_path / "figure.png", **data)
    picture = imread(tmp_path / "figure.png")[60:, :, :3]
    assert picture.shape[1] == 1500
    red, blue = (picture[..., i] - picture[..., 2 - i] > 0.2 for i in (0, 2))
    columns = [np.nonzero(color[:, 600:900])[1] for color in (red, blue)]
    assert columns[0].size > 1000 and columns[1].size > 1000 and columns[0].max() <= columns[1].min()
    assert not red[:, :600].any() and not blue[:, :600].any()


def test_no_difference_anywhere_is_no_error(tmp_path: Path) -> None:
    data = case(8, 8)
    case_figure(tmp_path / "figure.png", **data, difference=0 * data["image"])
    assert (tmp_path / "figure.png").stat().st_size > 1000
