# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from monai_anomaly.visualize import classification_case_figure

from .pictures import cells, center, is_red, near

SPOT = (slice(12, 16), slice(2, 6), slice(14, 18))
PLACES = ((0.7, 0.2), (0.7, 0.8), (0.2, 0.8))
"""Its center in the three planes, as shares of the sides, of 20 voxels each."""


def volume() -> tuple[np.ndarray, np.ndarray]:
    found = np.zeros((20, 20, 20))
    found[SPOT] = 1
    return np.full((20, 20, 20), 0.4), found


@pytest.mark.parametrize("affine", [np.eye(4), np.diag([-1.0, -1, 1, 1])])
def test_map_lies_over_the_image_in_every_plane(tmp_path: Path, affine: np.ndarray) -> None:
    image, found = volume()
    turned = found if affine[0, 0] > 0 else found[::-1, ::-1]
    classification_case_figure(tmp_path / "a.png", image, turned, affine=affine, title="p: diseased")
    for row in cells(tmp_path / "a.png", 3, 6):
        for plain, over, place in zip(row[::2], row[1::2], PLACES, strict=True):
            changed = np.abs(plain - over).max(-1) > 60
            assert np.ptp(plain) < 1 and near(center(changed), place)
            assert is_red(over[changed]).mean() > 0.5


def test_voxels_keep_their_proportions(tmp_path: Path) -> None:
    """Axes in any order and voxels of any shape: a cube of 40 mm is a cube."""
    image, found = np.full((20, 10, 40), 0.4), np.zeros((20, 10, 40))
    image[:, :5] = 0  # the lower half: the second axis points to the head, in voxels of 4 mm
    found[:, 5:] = 1
    affine = np.array([[2.0, 0, 0, 0], [0, 0, 1, 0], [0, 4, 0, 0], [0, 0, 0, 1]])
    classification_case_figure(tmp_path / "a.png", image, found, affine=affine)
    for row in cells(tmp_path / "a.png", 3, 6):
        for plain in row[2::2]:  # coronal and sagittal: the upper half is there, twice as wide as high
            down, right = np.nonzero(plain[..., 0] > 50)
            assert np.ptp(right) / np.ptp(down) == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize(("across", "kept"), [(0, (1, 2)), (1, (0, 2)), (2, (0, 1))])
@pytest.mark.parametrize("turned", [False, True])
def test_pixels_of_a_slice_in_any_plane_keep_their_proportions(
    tmp_path: Path, across: int, kept: tuple[int, int], turned: bool
) -> None:
    """A sagittal, coronal or axial slice of pixels of 1 x 3 mm: 30 mm x 30 mm are a square."""
    first, second = kept[::-1] if turned else kept
    affine = np.zeros((4, 4))
    affine[first, 0], affine[second, 1], affine[across, 2], affine[3, 3] = 1, 3, 7, 1
    image = np.full((30, 20), 0.4)
    image[:, 10:] = 0
    classification_case_figure(tmp_path / "a.png", image, image, affine=affine)
    down, right = np.nonzero(cells(tmp_path / "a.png", 1, 2)[0][0][..., 0] > 50)
    assert np.ptp(right) / np.ptp(down) == pytest.approx(1, abs=0.05)


def test_slices_with_the_highest_map_inside_the_head(tmp_path: Path) -> None:
    image, found = volume()
    image[:, :, :8] = 0
    found[:, :, 0] = 50  # outside of the head
    classification_case_figure(tmp_path / "a.png", image, found, affine=np.eye(4))
    assert all(row[0].min() > 50 for row in cells(tmp_path / "a.png", 3, 6))


@pytest.mark.parametrize("outside", [False, True])
def test_what_is_around_the_head_is_left_out_unless_the_map_is_there(tmp_path: Path, outside: bool) -> None:
    image, found = volume()
    image[:, :, :10] = 0  # the upper half is there
    found[..., 0] = outside
    classification_case_figure(tmp_path / "a.png", image, found, affine=np.eye(4))
    for row in cells(tmp_path / "a.png", 3, 6):
        dark = (row[2][..., 0] < 20).mean()
        assert 0.4 < dark < 0.6  # squares are 20 voxels wide in either case
        lower = (row[3].max(-1) > 60)[len(row[3]) * 9 // 10 :]
        assert lower.any() == outside


@pytest.mark.parametrize("shape", [(20, 20), (20, 20, 1), (20, 20, 2)])
def test_pictures_thin_volumes_and_maps_of_zero(tmp_path: Path, shape: tuple[int, ...]) -> None:
    classification_case_figure(tmp_path / "a.png", np.full(shape, 0.4), np.zeros(shape), affine=np.eye(4))
    assert (tmp_path / "a.png").stat().st_size > 0
