# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from monai_anomaly.metrics import ExpectedDiceThreshold, above, best_dice_threshold, dice_per_slice
from monai_anomaly.utils import DataError


def expected_dice(probability: np.ndarray, mask: np.ndarray) -> float:
    """With the mean size of the truth in place of its size."""
    return 2 * probability[mask].sum() / (mask.sum() + probability.sum())


def test_no_other_threshold_has_a_higher_expected_dice() -> None:
    rng = np.random.default_rng(0)
    maps = rng.beta(0.2, 1.0, (20, 9, 11)).round(2)  # with ties
    masks = above(maps, ExpectedDiceThreshold(0.0))
    for probability, mask in zip(maps, masks, strict=True):
        best = max(
            expected_dice(probability, probability >= value) for value in np.unique(probability[probability > 0])
        )
        assert expected_dice(probability, mask) == pytest.approx(best, abs=1e-12) and mask.any()


def test_threshold_is_half_of_the_expected_dice() -> None:
    maps = np.random.default_rng(1).beta(0.2, 1.0, (5, 1, 6, 7))
    thresholds = ExpectedDiceThreshold(0.0)(maps)
    for probability, threshold in zip(maps, thresholds, strict=True):
        assert 2 * threshold == pytest.approx(expected_dice(probability, probability > threshold))


def calibrated(rng: np.random.Generator, count: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Lesions of which a network is more or less sure, large ones more, and the truth drawn from its probabilities."""
    maps = np.zeros((count, 16, 16))
    for probability in maps:
        size = rng.integers(1, 9)
        probability[:size, :size] = rng.beta(1 + size, 2, (size, size)) * rng.uniform(0.3, 1)
    return maps, rng.random(maps.shape) < maps


def test_is_better_than_any_one_threshold_where_probabilities_are_calibrated() -> None:
    maps, masks = calibrated(np.random.default_rng(2))
    _, oracle = best_dice_threshold(maps, masks)  # chosen on the same cases
    assert np.nanmean(dice_per_slice(above(maps, ExpectedDiceThreshold(0.0)), masks)) > oracle + 0.005


def test_a_map_that_is_nowhere_above_the_presence_has_an_empty_mask() -> None:
    maps = np.zeros((4, 8, 8), np.float32)
    maps[1, 3, 3], maps[2, 3, 3], maps[3, 3, 3] = 0.2, 0.21, 0.7
    masks = above(maps, ExpectedDiceThreshold(np.float32(0.2)))
    assert masks.any((1, 2)).tolist() == [False, False, True, True]
    assert ExpectedDiceThreshold()(maps)[:2].tolist() == [1.0, 1.0]


def test_masks_stay_what_they_are() -> None:
    masks = np.random.default_rng(3).random((4, 6, 6)) < 0.3
    masks[0] = False
    np.testing.assert_array_equal(above(masks, ExpectedDiceThreshold()), masks)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_one_threshold_is_not_rounded_to_the_maps(dtype: type) -> None:
    value = dtype(0.3)
    beside = [float(value) + 0.4 * (float(np.nextafter(value, dtype(to))) - float(value)) for to in (0, 1)]
    assert [bool(above(np.full((1, 2, 2), value), limit).all()) for limit in beside] == [True, False]


def test_no_maps_have_no_masks_and_maps_that_are_not_finite_are_an_error() -> None:
    assert above(np.zeros((0, 4, 4)), ExpectedDiceThreshold()).shape == (0, 4, 4)
    with pytest.raises(DataError, match="finite"):
        ExpectedDiceThreshold()(np.full((1, 4, 4), np.nan))


@pytest.mark.parametrize("presence", [-0.1, 1.0])
def test_presence_is_a_probability(presence: float) -> None:
    with pytest.raises(ValueError, match=r"presence must be in \[0, 1\), got"):
        ExpectedDiceThreshold(presence)
