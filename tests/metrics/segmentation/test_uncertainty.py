# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from monai_anomaly.metrics import error_auroc, mean_entropy, risk_coverage


def test_entropy_of_a_fraction_and_of_the_rest_is_the_same() -> None:
    for dtype in (np.float32, np.float64):
        for n in (3, 5, 10, 100):
            p = (np.arange(n + 1) / n).astype(dtype)
            np.testing.assert_array_equal(mean_entropy(p), mean_entropy(p[::-1]))
    np.testing.assert_array_equal(mean_entropy(np.array([0, 0.5, 1])), [0, 1, 0])


def test_entropy_falls_away_from_a_half() -> None:
    assert (np.diff(mean_entropy(np.linspace(0.5, 1, 1001))) < 0).all()


def test_uncertain_errors_rank_first() -> None:
    uncertainty = np.array([0.1, 0.2, 0.8, 0.9])
    assert error_auroc(uncertainty, uncertainty > 0.5) == 1 and error_auroc(uncertainty, uncertainty < 0.5) == 0
    assert error_auroc(np.ones(4), np.array([1, 0, 0, 1])) == 0.5
    assert np.isnan(error_auroc(uncertainty, np.zeros(4, bool)))


def shuffled_area(uncertainty: np.ndarray, wrong: np.ndarray, rounds: int, seed: int = 0) -> float:
    """Mean risk over all coverages, ties broken at random many times."""
    rng, areas = np.random.default_rng(seed), []
    for _ in range(rounds):
        order = np.lexsort([rng.random(len(wrong)), uncertainty])
        areas.append((wrong[order].cumsum() / np.arange(1, len(wrong) + 1)).mean())
    return float(np.mean(areas))


def test_area_without_ties_is_the_mean_risk() -> None:
    rng = np.random.default_rng(0)
    uncertainty, wrong = rng.random(500), rng.random(500) < 0.2
    assert risk_coverage(uncertainty, wrong).area == pytest.approx(shuffled_area(uncertainty, wrong, 1), abs=1e-12)


def test_area_with_ties_is_the_mean_over_their_orders() -> None:
    rng = np.random.default_rng(1)
    uncertainty, wrong = rng.integers(0, 4, 40), rng.random(40) < 0.3
    curve = risk_coverage(uncertainty, wrong)
    assert curve.area == pytest.approx(shuffled_area(uncertainty, wrong, 20000), abs=2e-3)
    shuffle = rng.permutation(40)
    again = risk_coverage(uncertainty[shuffle], wrong[shuffle])
    assert again.area == curve.area
    np.testing.assert_array_equal(again.risk, curve.risk)


def test_curve_ends_at_the_error_rate_and_rises_when_errors_are_uncertain() -> None:
    uncertainty = np.linspace(0, 1, 1000)
    wrong = uncertainty > 0.9
    curve = risk_coverage(uncertainty, wrong)
    assert len(curve.coverage) == len(curve.risk) == 101
    assert curve.risk[-1] == pytest.approx(wrong.mean()) and (np.diff(curve.risk) >= 0).all() and curve.risk[0] == 0
    assert curve.area < risk_coverage(-uncertainty, wrong).area


def test_no_ranking_keeps_the_error_rate() -> None:
    curve = risk_coverage(np.zeros(50), np.arange(50) < 10)
    np.testing.assert_allclose(curve.risk, 0.2)
    assert curve.area == pytest.approx(0.2)


def test_fewer_pixels_than_points_and_none() -> None:
    curve = risk_coverage(np.array([0.0, 1.0]), np.array([False, True]))
    assert np.isfinite(curve.risk).all() and curve.area == pytest.approx(0.25)
    assert np.isnan(risk_coverage(np.zeros(0), np.zeros(0)).area)
