# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import torch

from monai_anomaly.metrics import SegmentationCases, best_channel_threshold, dice_per_slice
from monai_anomaly.metrics.segmentation.threshold_baseline import lesion_slices
from monai_anomaly.utils import DataError

from .blobs import make_blobs


def test_finds_the_channel_that_shows_the_lesion() -> None:
    cases = make_blobs()
    images, truth = cases["image"], cases["mask"][:, 0]
    baseline = best_channel_threshold(images, truth)
    assert baseline.channel == 1 and 0.5 < baseline.value < 0.7 and baseline.dice == 1
    assert np.nanmean(dice_per_slice(baseline(images), truth)) == pytest.approx(baseline.dice)


def test_a_data_set_gives_what_the_cases_give() -> None:
    cases = make_blobs()
    items = [
        {"image": torch.from_numpy(i), "mask": torch.from_numpy(m.astype(np.float32))}
        for i, m in zip(cases["image"], cases["mask"], strict=True)
    ]
    for a, b in zip(lesion_slices(cases), lesion_slices(items), strict=True):
        np.testing.assert_array_equal(a, b)
    assert len(lesion_slices(items)[0]) == 6 and lesion_slices(items[:1]) is None
    assert lesion_slices(SegmentationCases()) is None


def test_no_lesion_to_choose_by() -> None:
    with pytest.raises(DataError, match="at least one slice"):
        best_channel_threshold(np.ones((1, 2, 4, 4)), np.zeros((1, 4, 4), bool))
