# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from monai_anomaly.metrics import Threshold, best_dice_threshold, dice_per_slice, healthy_quantile_threshold
from monai_anomaly.utils import DataError


def random_set(seed: int, levels: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    masks = rng.random((6, 1, 9, 8)) < 0.2
    maps = (rng.normal(size=masks.shape) + masks).astype(np.float32)
    return (np.round(maps * levels) / levels if levels else maps), masks


@pytest.mark.parametrize("levels", [0, 3])
@pytest.mark.parametrize("seed", range(4))
def test_no_threshold_is_better(seed: int, levels: int) -> None:
    maps, masks = random_set(seed, levels)
    masks[0] = False  # does not count
    threshold, dice = best_dice_threshold(maps, masks)
    tried = [np.nanmean(dice_per_slice(maps > t, masks)) for t in np.append(np.unique(maps), maps.min() - 1)]
    assert dice == pytest.approx(max(tried))
    assert np.nanmean(dice_per_slice(maps > np.float64(threshold), masks)) == pytest.approx(dice)


def test_perfect_map_gets_the_middle() -> None:
    masks = random_set(0)[1]
    assert best_dice_threshold(masks.astype(np.float32), masks) == (0.5, pytest.approx(1))


def test_neighboring_floats_are_told_apart() -> None:
    low = np.float32(0.7)
    maps = np.array([[low, np.nextafter(low, np.float32(1))]])
    threshold, dice = best_dice_threshold(maps, np.array([[False, True]]))
    assert dice == 1 and ((maps > np.float64(threshold)) == [[False, True]]).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int8, np.int64, np.float16])
def test_numbers_of_every_type_are_sorted(dtype: type) -> None:
    """Background, tissue and a lesion; the negative of an unsigned number would be a large one."""
    maps, masks = np.zeros((1, 8, 8), dtype), np.zeros((1, 8, 8), bool)
    masks[0, 3:5, 3:5] = True
    maps[0, 1:7, 1:7] = 50
    maps[masks] = 100
    assert best_dice_threshold(maps, masks) == (75.0, 1.0)
    # the least number of a signed type has no negative
    least = np.full_like(maps, -128) if dtype is np.int8 else maps
    assert best_dice_threshold(np.where(masks, maps, least), masks)[1] == 1


def test_everything_lesion() -> None:
    maps = np.ones((1, 4), np.float32)
    threshold, dice = best_dice_threshold(maps, np.ones((1, 4), bool))
    assert dice == 1 and (maps > np.float64(threshold)).all()


@pytest.mark.parametrize("rate", [0.0, 0.01, 0.2])
def test_healthy_quantile_keeps_its_rate(rate: float) -> None:
    maps = np.random.default_rng(0).normal(size=(5, 1, 20, 20)).astype(np.float32)
    flagged = (maps > np.float64(healthy_quantile_threshold(maps, rate))).mean()
    assert flagged <= rate and flagged == pytest.approx(rate, abs=1 / maps.size + 1e-9)


def test_healthy_quantile_keeps_its_rate_with_ties() -> None:
    maps = np.array([0.0] * 90 + [1.0] * 10)
    assert (maps > healthy_quantile_threshold(maps, 0.05)).mean() <= 0.05


def test_bad_input() -> None:
    with pytest.raises(DataError, match="lesion"):
        best_dice_threshold(np.zeros((2, 4)), np.zeros((2, 4), bool))
    with pytest.raises(DataError, match="healthy"):
        healthy_quantile_threshold(np.zeros((0, 1, 4, 4)))
    with pytest.raises(ValueError, match="origin"):
        Threshold(0.5, "guess")  # type: ignore[arg-type]
