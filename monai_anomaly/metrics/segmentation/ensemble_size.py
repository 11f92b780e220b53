# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np

from ..pixel_scores import dice_per_slice
from .expected_dice import ExpectedDiceThreshold, above

__all__ = ["dice_by_samples"]


def dice_by_samples(
    samples: np.ndarray, masks: np.ndarray, threshold: float | ExpectedDiceThreshold = 0.5
) -> np.ndarray:
    """Dice of the ensemble of the first m samples, their mean above a threshold, for m = 1 to n (thesis ch. 5, Fig. 4).

    At 0.5 a pixel needs more than half of an even number of masks, so small even ensembles are smaller masks.

    Args:
        samples: masks (bool) or probabilities, (N, n, H, W).
        masks: true mask, boolean, (N, H, W).
        threshold: above it a pixel is predicted; see `above`.

    Returns:
        Float64, (N, n); NaN where the true mask is empty.
    """
    total = np.zeros(masks.shape, np.int32 if samples.dtype == bool else np.float64)
    dice = []
    for m in range(samples.shape[1]):
        total += samples[:, m]
        dice.append(dice_per_slice(above(total / (m + 1), threshold), masks))
    return np.stack(dice, axis=1) if dice else np.zeros((len(masks), 0))
