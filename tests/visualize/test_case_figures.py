# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from monai_anomaly.visualize import anomaly_case_figure, segmentation_case_figure
from monai_anomaly.visualize.style import COLORS, PREDICTED, WANTED

from .pictures import at, cells, center, has_color, is_blue, is_red, near

Case = dict[str, np.ndarray]
SPOT = (slice(12, 16), slice(14, 18))
PLACE = (0.7, 0.8)
"""Center of the spot, as shares of the sides."""


def spot(*shape: int) -> np.ndarray:
    """A square in images of 20 x 20 pixels, in the last of the slices."""
    found = np.zeros(shape)
    (found if len(shape) == 2 else found[..., -1])[SPOT] = 1
    return found


def anomaly(*shape: int) -> Case:
    found = spot(*shape)
    return {"image": 0.3 + 0.7 * found, "reconstruction": 0.3 + 0 * found, "map": found, "mask": found > 0}


def segmentation(*shape: int) -> Case:
    found = spot(*shape)
    return {"image": 500 * found - 200, "mean": found[None], "variance": found[None] / 4, "mask": found[None] > 0}


both = pytest.mark.parametrize(
    ("draw", "make", "columns"), [(anomaly_case_figure, anomaly, 4), (segmentation_case_figure, segmentation, 4)]
)


@both
@pytest.mark.parametrize("shape", [(20, 20), (20, 20, 1), (20, 20, 3)])
@pytest.mark.parametrize("affine", [np.eye(4), np.diag([-1.0, -1, 1, 1]), None])
def test_the_spot_is_where_it_was_put(
    tmp_path: Path, draw: Callable, make: Callable, columns: int, shape: tuple[int, ...], affine: np.ndarray | None
) -> None:
    data = make(*shape)
    draw(tmp_path / "new" / "figure.png", **data, affine=affine, rows=4, title="case")
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["figure.png"]
    place = PLACE if affine is None or affine[0, 0] > 0 else (1 - PLACE[0], 1 - PLACE[1])
    upright = affine is not None
    for k, cell in enumerate(cells(tmp_path / "new" / "figure.png", 1, columns)[0]):
        found = cell[..., 0] > 180
        if (draw, k) == (anomaly_case_figure, 1):
            assert not found.any()  # the reconstruction has no spot
        else:
            assert near(center(found, upright), place)
    assert near(center(has_color(cell, PREDICTED), upright), place)


@both
def test_slices_with_the_largest_finding_are_shown(
    tmp_path: Path, draw: Callable, make: Callable, columns: int
) -> None:
    data = make(20, 20, 12)
    for key, values in data.items():
        if key not in ("image", "reconstruction"):
            values[..., 3] = values[..., -1] * (0.5 if values.dtype == float else 1)
    data["image"][..., 3] = data["image"].max()
    draw(tmp_path / "a.png", **data, rows=4, affine=np.eye(4))
    first, second = cells(tmp_path / "a.png", 2, columns)
    assert at(first[0], 0.1, 0.1).min() > 250 and at(second[0], 0.1, 0.1).max() < 100
    draw(tmp_path / "b.png", **data, rows=1, affine=np.eye(4))
    assert at(cells(tmp_path / "b.png", 1, columns)[0][0], 0.1, 0.1).max() < 100


@both
def test_nothing_found_is_no_error(tmp_path: Path, draw: Callable, make: Callable, columns: int) -> None:
    data = {key: values * (key == "image") for key, values in make(20, 20, 3).items()}
    draw(tmp_path / "figure.png", **data)
    for row in cells(tmp_path / "figure.png", 3, columns):
        assert not has_color(row[-1], PREDICTED).any() and row[-2].max() < 10


def test_difference_has_a_column_of_its_own_with_two_colors(tmp_path: Path) -> None:
    data = anomaly(20, 20)
    difference = np.zeros((20, 20))
    difference[:5], difference[15:] = 0.5, -0.5
    anomaly_case_figure(tmp_path / "figure.png", **data, difference=difference)
    (found,) = cells(tmp_path / "figure.png", 1, 5)
    assert is_red(at(found[2], 0.1, 0.5)) and is_blue(at(found[2], 0.9, 0.5)) and at(found[2], 0.5, 0.5).min() > 240
    assert not any((is_red(cell) | is_blue(cell)).any() for cell in found[:2])
    anomaly_case_figure(tmp_path / "figure.png", **data, difference=0 * difference)
    assert cells(tmp_path / "figure.png", 1, 5)[0][2].min() > 240


def test_every_region_has_a_color(tmp_path: Path) -> None:
    data = segmentation(20, 20)
    second = np.zeros((1, 20, 20))
    second[:, 2:6, 2:6] = 1
    data = {k: v if k == "image" else np.concatenate([v, second.astype(v.dtype)]) for k, v in data.items()}
    segmentation_case_figure(tmp_path / "figure.png", **data, names=("WT", "TC"), affine=np.eye(4))
    found = cells(tmp_path / "figure.png", 1, 4)[0]
    for color, place in zip(COLORS, (PLACE, (0.2, 0.2)), strict=False):
        assert near(center(has_color(found[3], color)), place) and at(found[1], *place).min() > 250
    segmentation_case_figure(tmp_path / "nameless.png", **data, affine=np.eye(4))
    nameless = cells(tmp_path / "nameless.png", 1, 4)[0]
    for color, place in zip(COLORS, (PLACE, (0.2, 0.2)), strict=False):
        assert near(center(has_color(nameless[3], color)), place)


def test_range_of_the_image_is_of_no_matter(tmp_path: Path) -> None:
    data, pictures = segmentation(20, 20), []
    data["image"] = np.round(1000 * np.random.default_rng(0).random((20, 20)))
    for image in (data["image"], 8 * data["image"] + 64):
        segmentation_case_figure(tmp_path / "figure.png", **{**data, "image": image})
        pictures.append(cells(tmp_path / "figure.png", 1, 4)[0][0])
    np.testing.assert_allclose(*pictures, atol=1.5)


@pytest.mark.parametrize("shape", [(60, 80), (60, 80, 3)])
@pytest.mark.parametrize("affine", [np.eye(4), np.diag([-1.0, -1, 1, 1]), np.eye(4)[[1, 0, 2, 3]], None])
def test_arrows_lead_to_where_things_were_moved(
    tmp_path: Path, shape: tuple[int, ...], affine: np.ndarray | None
) -> None:
    """What comes to the place of the middle lies 20 pixels further along the first axis of the array."""
    field = np.zeros((len(shape), *shape))
    here = (slice(28, 33), slice(38, 43))
    field[(0, *here)] = 20
    shrank = np.zeros(shape)
    shrank[here], shrank[:5, :5] = 1, -1
    data = {"image": np.zeros(shape), "reconstruction": np.zeros(shape), "map": np.abs(shrank), "mask": shrank > 2}
    options = {"displacement": field, "log_jacobian": shrank}
    rows = 1 if len(shape) == 2 else 3
    anomaly_case_figure(tmp_path / "figure.png", **data, **options, affine=affine)
    _, _, moved, ratio, *_ = cells(tmp_path / "figure.png", rows, 6)[0]
    seen = has_color(moved, WANTED)
    assert seen.any()
    middle = center(seen, affine is not None)
    exchanged = affine is not None and affine[0, 0] == 0
    away = (0.5, 0.5 + 10 / 60) if exchanged else (0.5 + 10 / 60, 0.5)  # half of the arrow's way
    if affine is not None and affine[0, 0] < 0:
        away = (1 - away[0], away[1])
    assert near(middle, away, 0.06)
    assert is_red(ratio).any() and is_blue(ratio).any()
    red = center(is_red(ratio), affine is not None)
    assert near(red, (0.5, 0.5), 0.05)


def test_arrow_head_is_at_the_pixel_that_takes(tmp_path: Path) -> None:
    field = np.zeros((2, 60, 60))
    field[0, 14:17, 30:33] = 30
    data = {"image": np.zeros((60, 60)), "reconstruction": np.zeros((60, 60)), "map": np.ones((60, 60))}
    anomaly_case_figure(tmp_path / "figure.png", **data, mask=np.zeros((60, 60)), displacement=field)
    seen = has_color(cells(tmp_path / "figure.png", 1, 5)[0][2], WANTED)
    columns = np.nonzero(seen.any(0))[0]
    heights = seen.sum(0)
    head = columns[heights[columns].argmax()]
    assert head < columns.mean()  # to the left, where it is widest


def test_what_lies_below_the_threshold_stays_dark(tmp_path: Path) -> None:
    data = anomaly(20, 20)
    data["map"] = 0.05 * data["map"]
    bright = []
    for threshold in (0.0, 0.5):
        anomaly_case_figure(tmp_path / "figure.png", **data, threshold=threshold)
        bright.append(cells(tmp_path / "figure.png", 1, 4)[0][2].max())
    assert bright[0] > 200 > 80 > bright[1]
