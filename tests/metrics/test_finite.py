# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""No score takes NaN or infinity for a number: not as a map, not as a mask."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from monai_anomaly.metrics import (
    average_otsu,
    best_dice_threshold,
    dice_per_slice,
    healthy_quantile_threshold,
    per_slice,
    roc_auc,
)
from monai_anomaly.metrics.segmentation.calibration import brier_score, reliability_bins
from monai_anomaly.metrics.segmentation.overlap import overlap_scores
from monai_anomaly.metrics.segmentation.uncertainty import error_auroc, risk_coverage
from monai_anomaly.utils import DataError

MASKS = np.zeros((2, 8, 8))
MASKS[:, 2:5, 3:6] = 1
MAPS = np.random.default_rng(0).random(MASKS.shape) / 2 + MASKS / 2
SCORES: list[Callable[..., Any]] = [
    dice_per_slice,
    roc_auc,
    per_slice,
    best_dice_threshold,
    reliability_bins,
    brier_score,
    overlap_scores,
    error_auroc,
    risk_coverage,
]
ALONE: list[Callable[..., Any]] = [healthy_quantile_threshold, lambda maps: average_otsu(torch.from_numpy(maps))]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("score", SCORES)
def test_a_value_that_is_no_number_is_refused(score: Callable[..., Any], dtype: type, value: float) -> None:
    maps, masks = MAPS.astype(dtype), MASKS.astype(dtype)
    score(maps, masks)
    for broken in (maps, masks):
        kept = broken[1, 0, 4:6].copy()
        broken[1, 0, 4:6] = value
        with pytest.raises(DataError, match="of finite values, found 2 that are NaN or infinite"):
            score(maps, masks)
        broken[1, 0, 4:6] = kept


@pytest.mark.parametrize("score", ALONE)
def test_thresholds_of_maps_alone(score: Callable[..., Any]) -> None:
    maps = MAPS.copy()
    score(maps)
    maps[0, 0, 0] = np.nan
    with pytest.raises(DataError, match="finite values"):
        score(maps)
