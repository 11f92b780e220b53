# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from monai_anomaly.utils import DataError
from monai_anomaly.visualize import anomaly_examples_figure, segmentation_examples_figure
from monai_anomaly.visualize.examples_figures import row_labels, uncertainty_column
from monai_anomaly.visualize.style import PREDICTED, TRUTH

from .pictures import at, cells, center, has_color, is_blue, is_red, near

NAMES = ("t1", "flair")
PLACE, OTHER = (0.2, 0.3), (0.7, 0.6)
"""Of the lesion and of a false alarm."""


def square(place: tuple[float, float], rows: int = 2, size: int = 20) -> np.ndarray:
    """Of 6 pixels around a place, in the first image only."""
    found = np.zeros((rows, 1, size, size))
    x, y = (int(size * p) for p in place)
    found[0, :, x - 3 : x + 3, y - 3 : y + 3] = 1
    return found


def names(rows: int = 2) -> dict[str, np.ndarray]:
    return {"subject": np.array([f"s{i}" for i in range(rows)]), "slice": np.array(["4"] * rows)}


def anomaly() -> dict[str, np.ndarray]:
    """The lesion brightens the last channel; the map finds it and something else."""
    lesion, twin = square(PLACE), np.full((2, 2, 20, 20), 0.3)
    image = twin.copy()
    image[:, 1:] += 0.6 * lesion
    maps = lesion + 0.5 * square(OTHER)
    fields = {"image": image, "map": maps, "reconstruction": twin - 0.1, "mask": lesion > 0, "twin": twin}
    return fields | names()


def segmentation(samples: int = 2) -> dict[str, np.ndarray]:
    """The second sample misses the lesion."""
    lesion = square(PLACE)
    drawn = np.stack([lesion, 0 * lesion], axis=1)[:, :samples]
    fields = {"image": 0.3 + 0.6 * lesion, "mean": drawn.mean(1), "variance": drawn.var(1), "mask": lesion > 0}
    return fields | {"samples": drawn} | names()


@pytest.mark.parametrize("rotate", [True, False])
def test_lesion_and_map_are_where_they_were_put(tmp_path: Path, rotate: bool) -> None:
    about = {"channel_names": NAMES, "show": ["flair", "unknown", "t1"], "window": (0, 1), "rotate": rotate}
    anomaly_examples_figure(tmp_path / "a.png", anomaly(), threshold=0.4, **about)
    (flair, t1, healthy, twin, maps, outlines, truth), second = cells(tmp_path / "a.png", 2, 7)
    for cell in (flair, truth):
        assert near(center(cell[..., 0] > 150, rotate), PLACE)
    assert [round(np.median(cell)) for cell in (t1, healthy, twin)] == pytest.approx([76, 51, 76], abs=1)
    assert at(maps, *PLACE, rotate).sum() > at(maps, *OTHER, rotate).sum() > 100 > at(maps, 0.9, 0.1, rotate).sum()
    assert near(center(has_color(outlines, TRUTH), rotate), PLACE)
    assert near(center(has_color(outlines, PREDICTED)[:, outlines.shape[1] // 2 :], rotate)[1:], OTHER[1:])
    assert second[4].max() < 10 and second[6].max() == 0 and not has_color(second[5], TRUTH).any()


def test_columns_of_what_is_not_known_are_left_out(tmp_path: Path) -> None:
    bare = {key: values for key, values in anomaly().items() if key in ("image", "map", "subject", "slice")}
    anomaly_examples_figure(tmp_path / "a.png", bare, NAMES)
    missing = {"twin": np.full((2, 2, 20, 20), np.nan), "mask": np.zeros((2, 1, 20, 20), bool)}
    anomaly_examples_figure(tmp_path / "b.png", bare | missing, NAMES)
    for name in "ab":
        assert len(cells(tmp_path / f"{name}.png", 2, 3)[0]) == 3  # input, map, outlines
    with pytest.raises(DataError, match="only classifies"):
        anomaly_examples_figure(tmp_path / "c.png", {**bare, "map": np.full((2, 1, 20, 20), np.nan)}, NAMES)


def test_signed_differences_take_the_place_of_the_map(tmp_path: Path) -> None:
    cases = anomaly()
    cases["reconstruction"][:, :, 14:] += 0.6
    anomaly_examples_figure(tmp_path / "a.png", cases, NAMES, ["flair"], signed=True)
    found, true = cells(tmp_path / "a.png", 2, 7)[0][3:5]
    assert is_blue(at(found, *PLACE)) and is_red(at(found, 0.8, 0.5))
    assert is_blue(at(true, *PLACE)) and at(true, 0.8, 0.5).min() > 240


@pytest.mark.parametrize("rotate", [True, False])
def test_segmentation_and_its_samples(tmp_path: Path, rotate: bool) -> None:
    segmentation_examples_figure(tmp_path / "a.png", segmentation(), window=(0, 1), rotate=rotate)
    (image, truth, one, two, mean, variance, outlines), second = cells(tmp_path / "a.png", 2, 7)
    for cell in (image, truth, one, mean, variance):
        assert near(center(cell[..., 0] > 120, rotate), PLACE)
    assert two.max() == 0 and at(mean, *PLACE, rotate)[0] == pytest.approx(128, abs=1)
    assert near(center(has_color(outlines, TRUTH), rotate), PLACE) and not has_color(outlines, PREDICTED).any()
    assert second[1].max() == 0 and not has_color(second[6], TRUTH).any()


def test_one_prediction_has_entropy_and_an_ensemble_variance(tmp_path: Path) -> None:
    assert uncertainty_column(segmentation(), 0).title == "variance"
    single = segmentation()
    del single["samples"], single["variance"]
    assert uncertainty_column(single, 0).title == "entropy (bit)"
    assert uncertainty_column({**single, "variance": np.zeros((2, 1, 20, 20))}, 0).title == "entropy (bit)"
    segmentation_examples_figure(tmp_path / "a.png", single)
    assert near(center(cells(tmp_path / "a.png", 2, 5)[0][3][..., 0] > 120), PLACE)


def test_nothing_found_and_nothing_there(tmp_path: Path) -> None:
    empty = {key: np.zeros((1, 1, 8, 8)) for key in ("image", "mean", "mask")} | names(1)
    segmentation_examples_figure(tmp_path / "a.png", empty)
    assert all(cell.max() == 0 for cell in cells(tmp_path / "a.png", 1, 5)[0][1:3])


def test_rows_are_named() -> None:
    assert row_labels(names(), ["Dice 0.50", ""]) == ["s0 4\nDice 0.50", "s1 4"]
    assert row_labels({"subject": np.array([""]), "slice": np.array([""])}) == ["case 0"]
