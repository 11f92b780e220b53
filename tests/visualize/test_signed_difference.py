# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np

from monai_anomaly.visualize.signed_difference import show_differences, signed_difference, symmetric_limit
from tests.metrics.squares import make_squares


def test_difference_is_healthy_less_image() -> None:
    cases = make_squares()
    np.testing.assert_array_equal(
        signed_difference(cases, "healthy", 0), (cases["healthy"] - cases["image"])[:, 0].astype(np.float32)
    )
    truth = signed_difference(cases, "twin", -1)
    np.testing.assert_array_equal(truth != 0, cases["mask"][:, 0])


def test_limit_holds_all_but_outliers() -> None:
    values = np.linspace(-2, 1, 1001)
    assert 1.98 < symmetric_limit([values, values / 2]) <= 2
    assert symmetric_limit([values], 100) == 2
    assert symmetric_limit([np.array([np.nan, 0.5])]) == 0.5
    assert symmetric_limit([np.zeros(4)]) == symmetric_limit([np.full(3, np.nan)]) == symmetric_limit([]) == 1
    assert symmetric_limit([np.append(np.zeros(5000), 3.0)]) == 3


def test_colors_are_symmetric_around_white() -> None:
    from matplotlib.figure import Figure

    image = show_differences(np.zeros((2, 4, 4)), 0.7, True)(Figure().subplots(), 1)
    assert image.get_clim() == (-0.7, 0.7) and min(image.to_rgba(0.0)[:3]) > 0.95
