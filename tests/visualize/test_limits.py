# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from monai_anomaly.visualize.limits import difference_limits, gray_limits, map_limits


def test_differences_have_zero_in_the_middle_and_all_but_outliers_inside() -> None:
    values = np.linspace(-2, 1, 1001)
    low, high = difference_limits(values, values / 2)
    assert low == -high and 1.98 < high <= 2
    assert difference_limits(values, percentile=100) == (-2, 2)
    assert difference_limits(values / 100, least=0.1) == (-0.1, 0.1)
    assert difference_limits(values, percentile=100, least=0.1) == (-2, 2)
    assert difference_limits(np.append(np.zeros(5000), 3.0)) == (-3, 3)


@pytest.mark.parametrize("empty", [np.zeros(4), np.full(3, np.nan), np.zeros(0)])
def test_nothing_has_a_range_too(empty: np.ndarray) -> None:
    assert map_limits(empty) == (0, 1) and difference_limits(empty) == (-1, 1)


def test_what_is_missing_does_not_count() -> None:
    assert difference_limits(np.array([np.nan, 0.5])) == (-0.5, 0.5) and map_limits(np.array([np.nan, 0.5])) == (0, 0.5)


def test_a_few_bright_pixels_do_not_make_the_rest_dark() -> None:
    images = np.append(np.linspace(0, 1, 10_000), [50.0, 60.0])
    low, high = gray_limits(images)
    assert 0 < low < 0.01 and 0.99 < high <= 1
