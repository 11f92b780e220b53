# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from monai_anomaly.data.chest import make_chest
from monai_anomaly.data.chest.image import VISIBLE
from monai_anomaly.utils import DataError

SEEDS = range(12)


@pytest.fixture(scope="module")
def cases():
    return [make_chest(seed, 64, ("right", "left", "both")[seed % 3]) for seed in SEEDS]


@pytest.mark.parametrize("size", [31, 64, 100])
def test_shape_and_range(size):
    made = make_chest(1, size, "both")
    for image in (made.image, made.twin):
        assert image.shape == (size, size) and image.dtype == np.float32
        assert image.min() >= -1 and image.max() <= 1 and np.isfinite(image).all()
    assert made.mask.shape == (size, size) and made.mask.dtype == bool


def test_a_seed_is_one_image():
    first, second = make_chest(4, 40, "left"), make_chest(4, 40, "left")
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert not np.array_equal(first.image, make_chest(5, 40, "left").image)


def test_the_twin_is_the_healthy_person_to_the_last_bit(cases):
    """So nothing but the fluid can tell the class: people, pose, exposure and noise are drawn without knowing it."""
    for seed, made in zip(SEEDS, cases, strict=True):
        healthy = make_chest(seed, 64)
        assert np.array_equal(healthy.image, made.twin)
        assert np.array_equal(healthy.image, healthy.twin) and not healthy.mask.any()


def test_the_mask_is_what_changes_visibly_and_far_away_nothing_does(cases):
    for made in cases:
        change = np.abs(made.image - made.twin) / 2
        assert np.array_equal(made.mask, change > VISIBLE)
        assert made.mask.sum() >= 5
        assert (change == 0).mean() > 0.6
        assert not change[:, :16].any()  # the apices


def test_fluid_is_bright(cases):
    for made in cases:
        assert (made.image >= made.twin - 1e-6).all()
        assert (made.image - made.twin)[made.mask].mean() > 2 * VISIBLE


def test_fluid_is_on_the_side_that_was_asked_for():
    for seed in SEEDS[:6]:
        right, left, both = (make_chest(seed, 64, side) for side in ("right", "left", "both"))
        # the right of the person is at small x
        assert np.argwhere(right.mask)[:, 0].mean() < 28 and np.argwhere(left.mask)[:, 0].mean() > 36
        for one, half in ((right, slice(0, 28)), (left, slice(36, 64))):
            assert np.array_equal(one.mask[half], both.mask[half])


def test_fluid_stands_higher_at_the_chest_wall():
    """The meniscus: its upper border rises outward."""
    for seed in SEEDS[:6]:
        mask = make_chest(seed, 128, "left").mask
        columns = np.flatnonzero(mask.sum(1) >= 2)
        top = mask[columns].argmax(1)
        inner, outer = np.array_split(top, 2)
        assert outer.min() <= inner.min() and np.corrcoef(columns, top)[0, 1] < 0


def test_sizes_go_from_a_blunted_angle_to_much_of_a_lung():
    areas = np.array([make_chest(seed, 64, "right").mask.mean() for seed in range(30)])
    assert areas.min() < 0.01 and areas.max() > 0.05


def test_lungs_are_darker_than_heart_bone_and_abdomen_and_lighter_than_air():
    mean = np.mean([make_chest(seed, 64).image for seed in range(8)], axis=0)
    lungs, middle, abdomen, outside = mean[[16, 48], 28].mean(), mean[32, 28], mean[[20, 44], 58].mean(), mean[1, 1]
    assert outside < lungs - 0.3 and lungs < min(middle, abdomen) - 0.4


def test_a_threshold_does_not_find_the_fluid(cases):
    """Heart, spine and abdomen are as bright."""

    def dice(t):
        return np.mean([2 * ((c.image > t) & c.mask).sum() / ((c.image > t).sum() + c.mask.sum()) for c in cases])

    assert max(dice(t) for t in np.linspace(-1, 1, 41)) < 0.3


def test_a_person_is_the_same_at_every_size():
    large, small = make_chest(2, 128, "both"), make_chest(2, 64, "both")
    binned = large.twin.reshape(64, 2, 64, 2).mean((1, 3))
    assert np.corrcoef(binned.ravel(), small.twin.ravel())[0, 1] > 0.99
    assert abs(large.mask.mean() - small.mask.mean()) < 0.01


def test_no_two_people_are_copies():
    images = np.stack([make_chest(seed, 48).image.ravel() for seed in range(16)])
    correlation = np.corrcoef(images - images.mean(0)) - np.eye(16)
    assert correlation.max() < 0.9


@pytest.mark.parametrize("arguments", [(0, 64, "up"), (-1, 64, None), (0, 8, None)])
def test_impossible_arguments_are_refused(arguments):
    with pytest.raises(DataError, match="chest phantom"):
        make_chest(*arguments)
