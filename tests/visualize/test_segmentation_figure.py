# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from monai_anomaly.visualize import segmentation_figure

KEYS = ("image", "mean", "variance", "mask")


def case(*shape: int, regions: int = 1) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    mean = rng.random((regions, *shape), dtype=np.float32)
    image = 1000 * rng.random(shape, dtype=np.float32) - 500
    return {"image": image, "mean": mean, "variance": mean * (1 - mean), "mask": mean > 0.5}


@pytest.mark.parametrize(("shape", "rows"), [((12, 14), 1), ((12, 14, 1), 1), ((12, 14, 9), 4), ((12, 14, 2), 2)])
@pytest.mark.parametrize("names", [("lesion",), ("WT", "TC", "ET")])
def test_one_row_a_slice_and_no_more_than_asked(
    tmp_path: Path, shape: tuple[int, ...], rows: int, names: tuple[str, ...]
) -> None:
    data = case(*shape, regions=len(names))
    segmentation_figure(tmp_path / "new" / "figure.png", **data, title="case", rows=4, names=names)
    height, width = imread(tmp_path / "new" / "figure.png").shape[:2]
    assert width == 1200 and abs(height - (50 + rows * 300 * 14 / 12)) <= 2
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["figure.png"]


@pytest.mark.parametrize("found", ["mask", "variance", "mean"])
def test_slices_with_the_largest_finding_are_shown(tmp_path: Path, found: str) -> None:
    """Only slice 5 has the finding; another slice may change without a change of the picture."""
    data = case(8, 8, 12)
    for key in KEYS[1:]:
        data[key] = data[key] * (np.arange(12) == 5) * (key == found)
    data["mask"] = data["mask"] > 0
    pictures = []
    for changed in ([], [0, 11], [5]):
        data["image"][:4, :, changed] = 0
        segmentation_figure(tmp_path / "figure.png", **data, rows=1)
        pictures.append(imread(tmp_path / "figure.png"))
    assert np.array_equal(pictures[0], pictures[1]) and not np.array_equal(pictures[0], pictures[2])


def test_up_is_up_in_anatomical_order_only(tmp_path: Path) -> None:
    data = {key: np.zeros((10, 10) if key == "image" else (1, 10, 10)) for key in KEYS}
    data["image"][:, 8:] = 1  # the largest y
    heights = []
    for anatomical in (True, False):
        segmentation_figure(tmp_path / "figure.png", **data, anatomical=anatomical)
        first = imread(tmp_path / "figure.png")[60:, :250, :3].min(axis=2)  # white pixels of the first column
        heights.append(float(np.nonzero(first > 0.99)[0].mean()))
    assert heights[0] < heights[1]


def test_range_of_the_image_is_of_no_matter(tmp_path: Path) -> None:
    data, pictures = case(8, 8), []
    data["image"] = np.round(data["image"])
    for image in (data["image"], 8 * data["image"] + 64):
        segmentation_figure(tmp_path / "figure.png", **{**data, "image": image})
        pictures.append(imread(tmp_path / "figure.png"))
    np.testing.assert_allclose(*pictures, atol=1.5 / 255)


def test_nothing_found_is_no_error(tmp_path: Path) -> None:
    data = case(8, 8, 3)
    segmentation_figure(tmp_path / "figure.png", **{k: v * (k == "image") for k, v in data.items()})
    assert (tmp_path / "figure.png").stat().st_size > 1000
