# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np

from .finite import check_numbers

__all__ = ["dice_per_slice", "per_slice", "ranking_scores", "roc_auc"]


def dice_per_slice(predictions: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Dice of every slice; NaN where the true mask is empty, 0 where only the prediction is.

    Args:
        predictions: boolean, (N, ...).
        masks: boolean, same shape.

    Returns:
        Float64, (N,).

    Raises:
        DataError: when they are numbers, and not finite.
    """
    check_numbers("predictions and masks", predictions, masks)
    axes = tuple(range(1, masks.ndim))
    predictions, masks = np.asarray(predictions, bool), np.asarray(masks, bool)
    lesion = masks.sum(axes)
    overlap, total = (predictions & masks).sum(axes), predictions.sum(axes) + lesion
    return np.where(lesion > 0, 2.0 * overlap / np.maximum(total, 1), np.nan)


def ranking_scores(scores: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Area under the ROC curve and average precision, exact with ties, from one sort.

    MONAI's ``compute_roc_auc`` and ``compute_average_precision`` agree but loop over the pixels in Python: a second
    for a million. The average precision is the step-wise sum of (R_n - R_{n-1}) P_n, not an interpolated area.

    Args:
        scores: any shape; a higher score means more anomalous.
        labels: boolean, same shape.

    Returns:
        (AUROC, average precision), both in [0, 1]; NaN where there are no positives or no negatives.

    Raises:
        DataError: when a score or label is not finite.
    """
    check_numbers("scores and labels", scores, labels)
    scores, labels = np.asarray(scores).reshape(-1), np.asarray(labels, bool).reshape(-1)
    if labels.all() or not labels.any():
        return float("nan"), float("nan")
    order = np.argsort(scores)[::-1]
    scores, labels = scores[order], labels[order]
    last_of_tie = np.flatnonzero(np.append(scores[1:] != scores[:-1], True))
    true = np.cumsum(labels)[last_of_tie].astype(np.float64)
    false = last_of_tie + 1 - true
    new_true, new_false = np.diff(true, prepend=0), np.diff(false, prepend=0)
    auroc = np.sum(new_false * (true - new_true / 2)) / (true[-1] * false[-1])
    precision = np.sum(new_true * true / (last_of_tie + 1)) / true[-1]
    return float(auroc), float(precision)


def roc_auc(scores: np.ndarray, labels: np.ndarray) -> float:
    """Area under the ROC curve; see :py:func:`ranking_scores`."""
    return ranking_scores(scores, labels)[0]


def per_slice(maps: np.ndarray, masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """AUROC and average precision of every slice over all its pixels, background included (thesis ch. 7).

    Args:
        maps: anomaly maps, (N, ...).
        masks: boolean, same shape.

    Returns:
        Two float64 arrays (N,); NaN for slices without a lesion pixel.
    """
    scores = np.array([ranking_scores(m, t) if t.any() else (np.nan, np.nan) for m, t in zip(maps, masks, strict=True)])
    return scores.reshape(-1, 2)[:, 0], scores.reshape(-1, 2)[:, 1]
