# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from monai_anomaly.metrics import ExpectedDiceThreshold, above, dice_by_samples, dice_per_slice
from tests.evaluation.blobs import make_blobs


@pytest.mark.parametrize("threshold", [0.5, ExpectedDiceThreshold()])
@pytest.mark.parametrize("soft", [False, True])
def test_is_the_dice_of_the_mean_above_the_threshold(soft: bool, threshold: float | ExpectedDiceThreshold) -> None:
    cases = make_blobs(samples=6, soft=soft)
    samples, truth = cases["samples"][:, :, 0], cases["mask"][:, 0]
    dice = dice_by_samples(samples, truth, threshold)
    assert dice.shape == (9, 6)
    for m in range(1, 7):
        mean = samples[:, :m].astype(np.float64).mean(1)
        np.testing.assert_allclose(dice[:, m - 1], dice_per_slice(above(mean, threshold), truth))
    assert np.isnan(dice[::3]).all()


def test_more_samples_help_where_the_border_wobbles() -> None:
    cases = make_blobs(n=60, samples=15, wobble=2.0)
    dice = np.nanmean(dice_by_samples(cases["samples"][:, :, 0], cases["mask"][:, 0]), 0)
    assert dice[14] > dice[4] > dice[0]


def test_no_samples() -> None:
    assert dice_by_samples(np.zeros((2, 0, 4, 4), bool), np.ones((2, 4, 4), bool)).shape == (2, 0)
