# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import warnings

import numpy as np
import pytest

from monai_anomaly.metrics import overlap_scores
from tests.evaluation.blobs import disc


def test_perfect_and_shifted() -> None:
    truth = np.stack([disc(32, 16, 16, 6)] * 2)
    scores = overlap_scores(np.stack([truth[0], disc(32, 19, 16, 6)]), truth)
    assert scores["dice"][0] == scores["jaccard"][0] == 1 and scores["hd95"][0] == 0
    assert 2 <= scores["hd95"][1] <= 3
    shifted = disc(32, 19, 16, 6)
    assert scores["jaccard"][1] == pytest.approx((shifted & truth[0]).sum() / (shifted | truth[0]).sum())
    assert not scores["empty"].any()


def test_empty_masks_follow_the_thesis() -> None:
    lesion, nothing = disc(16, 8, 8, 4), np.zeros((16, 16), bool)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = overlap_scores(np.stack([nothing, lesion, nothing]), np.stack([lesion, nothing, nothing]))
    np.testing.assert_array_equal(scores["dice"], [0, np.nan, np.nan])
    np.testing.assert_array_equal(scores["jaccard"], [0, np.nan, np.nan])
    np.testing.assert_array_equal(scores["hd95"], [np.nan] * 3)
    np.testing.assert_array_equal(scores["empty"], [1, np.nan, np.nan])


def test_distance_is_in_mm_along_each_axis() -> None:
    truth, predicted = disc(32, 12, 16, 3)[None], disc(32, 20, 16, 3)[None]
    distance = overlap_scores(predicted, truth)["hd95"]
    assert distance == pytest.approx(8, abs=0.5)
    np.testing.assert_allclose(overlap_scores(predicted, truth, 2.0)["hd95"], 2 * distance)
    np.testing.assert_allclose(overlap_scores(predicted, truth, (0.5, 1.0))["hd95"], 4, atol=0.5)
    np.testing.assert_allclose(overlap_scores(predicted, truth, (1.0, 0.5))["hd95"], distance, atol=0.5)
