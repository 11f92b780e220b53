# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import linregress

from monai_anomaly.metrics import cluster_bootstrap, line_moments, pearson_of, slope_of


def test_correlation_and_slope_are_those_of_a_regression() -> None:
    rng = np.random.default_rng(0)
    x = 1000 + rng.normal(size=50)
    y = 3 * x + rng.normal(size=50)
    expected, means = linregress(x, y), line_moments(x, y).mean(0)
    assert pearson_of(means) == pytest.approx(expected.rvalue) and slope_of(means) == pytest.approx(expected.slope)


def test_a_case_without_a_value_does_not_count() -> None:
    x, y = np.array([0.0, 1, 2, np.nan]), np.array([1.0, 3, 5, 7])
    moments = line_moments(x, y)
    assert np.isnan(moments[3]).all() and slope_of(np.nanmean(moments, 0)) == pytest.approx(2)


def test_of_a_constant_there_is_none() -> None:
    same, rising = np.full(4, 0.1), np.arange(4.0)
    assert np.isnan(slope_of(line_moments(same, rising).mean(0)))
    assert np.isnan(pearson_of(line_moments(rising, same).mean(0)))
    assert slope_of(line_moments(rising, same).mean(0)) == pytest.approx(0)


def test_the_interval_holds_the_true_slope_and_draws_clusters() -> None:
    rng, inside = np.random.default_rng(0), 0
    for seed in range(100):
        subjects = np.repeat(np.arange(30), 4)
        x = np.tile([0.0, 0.05, 0.1, 0.2], 30)
        y = x + 0.02 * rng.normal(size=30)[subjects] + 0.01 * rng.normal(size=120)
        low, high = cluster_bootstrap(line_moments(x, y), subjects, resamples=200, seed=seed, statistic=slope_of)
        inside += low <= 1 <= high
    assert 88 <= inside <= 99
    alone = cluster_bootstrap(line_moments(x, y), np.zeros(120), statistic=slope_of)
    assert alone is None


def test_resamples_without_a_slope_do_not_count() -> None:
    x, y = np.array([0.0, 1.0]), np.array([0.0, 1.0])
    assert cluster_bootstrap(line_moments(x, y), [0, 1], statistic=slope_of) == pytest.approx((1, 1))
    assert cluster_bootstrap(line_moments(np.zeros(2), y), [0, 1], statistic=slope_of) is None
