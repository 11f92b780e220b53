# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from monai_anomaly.metrics import conformal_case_threshold, conformal_share_threshold, needed_cases, thinned
from monai_anomaly.utils import DataError


@pytest.mark.parametrize(("alpha", "needed"), [(0.5, 1), (0.2, 4), (0.1, 9), (0.05, 19), (0.3, 3), (1 / 3, 2)])
def test_how_many_cases_are_needed(alpha: float, needed: int) -> None:
    assert needed_cases(alpha) == needed
    conformal_case_threshold(np.arange(needed), alpha)
    conformal_share_threshold([np.arange(3.0)] * needed, alpha)
    with pytest.raises(
        DataError, match=rf"alpha {alpha:g}: expected at least {needed} healthy cases, found {needed - 1}"
    ):
        conformal_case_threshold(np.arange(needed - 1), alpha)
    with pytest.raises(DataError, match=rf"at least {needed} healthy cases"):
        conformal_share_threshold([np.arange(3.0)] * (needed - 1), alpha)


@pytest.mark.parametrize("alpha", [0, 1, -0.1, 1.5])
def test_alpha_lies_between_0_and_1(alpha: float) -> None:
    with pytest.raises(ValueError, match="alpha must lie between 0 and 1"):
        needed_cases(alpha)


def test_values_that_are_not_finite_are_refused() -> None:
    with pytest.raises(DataError, match=r"finite|NaN"):
        conformal_case_threshold([0.1, np.nan, 0.2, 0.3], 0.25)
    with pytest.raises(DataError, match=r"finite|NaN"):
        conformal_share_threshold([np.array([0.1, np.inf])] * 9, 0.25)


@pytest.mark.parametrize("count", [9, 20, 57])
@pytest.mark.parametrize("alpha", [0.1, 0.25])
def test_new_healthy_cases_are_flagged_as_often_as_promised(count: int, alpha: float) -> None:
    """On average over calibration sets: at most alpha, and above alpha - 1/(n + 1) where no two values are equal."""
    generator = np.random.default_rng(count)
    flagged = []
    for _ in range(4000):
        scores = generator.gamma(2.0, size=count + 25)
        flagged.append((scores[count:] > conformal_case_threshold(scores[:count], alpha)).mean())
    error = 3.5 * np.std(flagged) / np.sqrt(len(flagged))
    assert alpha - 1 / (count + 1) - error < np.mean(flagged) <= alpha + error


def test_new_healthy_cases_have_as_many_voxels_flagged_as_promised() -> None:
    """Cases whose maps differ a lot in height, so that one threshold for all voxels together would not do."""
    generator, alpha, count = np.random.default_rng(0), 0.08, 30
    shares = []
    for _ in range(1500):
        maps = generator.gamma(1.0, size=(count + 5, 1)) * generator.random((count + 5, 40))
        threshold = conformal_share_threshold(list(maps[:count]), alpha)
        shares.append((maps[count:] > threshold).mean())
    error = 3.5 * np.std(shares) / np.sqrt(len(shares))
    assert 0.5 * alpha < np.mean(shares) <= alpha + error


def test_alpha_that_is_a_hair_too_small_is_taken_for_the_next() -> None:
    assert conformal_share_threshold([np.arange(3.0)] * 2, 0.3333333333) == 2.0


def test_it_is_the_lowest_threshold_that_keeps_the_bound() -> None:
    generator = np.random.default_rng(1)
    maps = [np.round(generator.random(n), 2) for n in (30, 50, 20, 40, 25)]  # with equal values
    alpha, n = 0.3, 5

    def bound(threshold: float) -> float:
        return (n * np.mean([(m > threshold).mean() for m in maps]) + 1) / (n + 1)

    found = conformal_share_threshold(maps, alpha)
    assert bound(found) <= alpha
    lower = max(v for m in maps for v in m if v < found)
    assert bound(lower) > alpha


@pytest.mark.parametrize("size", [1, 7, 100, 1003])
def test_thinning_never_makes_a_share_smaller(size: int) -> None:
    values = np.random.default_rng(size).random(size)
    few = thinned(values, 10)
    assert len(few) <= 10 and few.max() == values.max()
    for threshold in np.r_[-1, values, few]:
        assert (few > threshold).mean() >= (values > threshold).mean() - 1e-12
