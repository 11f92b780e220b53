# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import torch
from monai.metrics import compute_hausdorff_distance

from ..finite import check_numbers
from ..pixel_scores import dice_per_slice

__all__ = ["overlap_scores"]


def overlap_scores(
    predictions: np.ndarray, masks: np.ndarray, spacing: float | Sequence[float] = 1.0
) -> dict[str, np.ndarray]:
    """Dice, Jaccard index and 95th percentile Hausdorff distance of every slice (thesis ch. 5, Table 1).

    HD95 is MONAI's: the larger of the 95th percentiles of the distances from either boundary to the other. The thesis
    used that of medpy, which takes one percentile of both directions pooled and is mostly a little smaller.

    Args:
        predictions: boolean, (N, H, W).
        masks: boolean, same shape.
        spacing: size of a pixel in mm, or along (H, W).

    Returns:
        ``dice``, ``jaccard`` in [0, 1], ``hd95`` in mm, and ``empty``, 1 where only the prediction is empty, else 0:
        float64, (N,). All are NaN where the true mask is empty; where only the prediction is, Dice and Jaccard are 0
        and HD95 is NaN.

    Raises:
        DataError: when they are numbers, and not finite.
    """
    check_numbers("predictions and masks", predictions, masks)
    predictions, masks = np.asarray(predictions, bool), np.asarray(masks, bool)
    dice = dice_per_slice(predictions, masks)
    predicted, true = predictions.any((1, 2)), masks.any((1, 2))
    hd95 = np.full(len(masks), np.nan)
    both = predicted & true
    if both.any():
        # MONAI wants a step for every axis when they differ
        step = [float(s) for s in np.broadcast_to(spacing, 2)]
        found, wanted = (torch.from_numpy(x[both][:, None]) for x in (predictions, masks))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # MONAI's own, of an argument that it passes itself
            distance = compute_hausdorff_distance(found, wanted, include_background=True, percentile=95, spacing=step)
        hd95[both] = distance[:, 0].double().numpy()
    empty = np.where(true, ~predicted, np.nan)
    return {"dice": dice, "jaccard": dice / (2 - dice), "hd95": hd95, "empty": empty}
