# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from monai.metrics import CalibrationErrorMetric

from monai_anomaly.metrics import brier_score, reliability_bins


@pytest.mark.parametrize("bins", [1, 10, 20])
@pytest.mark.parametrize("n", [7, 5000])
def test_agrees_with_monai(bins: int, n: int) -> None:
    rng = np.random.default_rng(n)
    p = rng.random(n).astype(np.float32)
    y = rng.random(n) < p**2
    ours = reliability_bins(p, y, bins)
    errors = {"expected": ours.expected_error, "average": ours.average_error, "maximum": ours.maximum_error}
    for reduction, error in errors.items():
        metric = CalibrationErrorMetric(num_bins=bins, calibration_reduction=reduction)
        metric(y_pred=torch.from_numpy(p)[None, None], y=torch.from_numpy(y)[None, None].float())
        assert error == pytest.approx(metric.aggregate().item(), abs=1e-5)


def test_calibrated_predictions_have_no_error() -> None:
    p = np.repeat([0.0, 0.25, 0.5, 1.0], 8)
    y = np.concatenate([np.arange(8) < 8 * q for q in (0.0, 0.25, 0.5, 1.0)])
    bins = reliability_bins(p, y)
    assert bins.expected_error == bins.average_error == bins.maximum_error == 0
    assert brier_score(p, y) == pytest.approx((0.25 * 0.75 + 0.25) / 4)


def test_confident_and_wrong() -> None:
    bins = reliability_bins(np.ones(4), np.zeros(4, bool))
    assert bins.expected_error == bins.maximum_error == 1 and brier_score(np.ones(4), np.zeros(4)) == 1


def test_errors_are_ordered_and_rare_bins_count_in_the_average() -> None:
    p = np.append(np.zeros(999), 0.9)
    bins = reliability_bins(p, np.zeros(1000, bool))
    assert bins.expected_error == pytest.approx(0.0009) and bins.average_error == pytest.approx(0.45)
    assert bins.maximum_error == pytest.approx(0.9)


@pytest.mark.parametrize("n", [5, 10, 100])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_means_of_masks_fall_on_the_right_side_of_an_edge(n: int, dtype: type) -> None:
    p = (np.arange(n + 1) / n).astype(dtype)
    bins = reliability_bins(p, p > 0.5, bins=n)
    np.testing.assert_array_equal(bins.count, [*[1] * (n - 1), 2])


def test_rows_are_plain_and_leave_empty_bins_out() -> None:
    rows = reliability_bins(np.array([0.01, 0.02, 0.99]), np.array([0, 1, 1]), bins=10).rows()
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows
    assert [row["count"] for row in rows] == [2, 1] and rows[0]["frequency"] == 0.5
    assert (rows[1]["low"], rows[1]["high"]) == (0.9, 1.0)


def test_no_pixels_and_no_bins() -> None:
    bins = reliability_bins(np.zeros(0), np.zeros(0, bool))
    for value in (bins.expected_error, bins.average_error, bins.maximum_error, brier_score(np.zeros(0), np.zeros(0))):
        assert np.isnan(value)
    with pytest.raises(ValueError, match="at least 1, got 0"):
        reliability_bins(np.zeros(1), np.zeros(1), bins=0)
