# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import numpy as np

from .cases import AnomalyCases
from .pixel_scores import roc_auc
from .summary import Interval, score, slice_mean

__all__ = ["cohen_kappa", "score_classification"]

CUT = 0.5
"""An image with a higher score is called diseased."""


def cohen_kappa(predictions: np.ndarray, labels: np.ndarray) -> float:
    """Cohen's kappa: how far two verdicts on the same images agree beyond chance, (p_o - p_e) / (1 - p_e).

    p_o is the share of the images that both call alike, p_e what it would be if they were independent (Cohen, "A
    coefficient of agreement for nominal scales", 1960).

    Args:
        predictions: boolean, (N,).
        labels: boolean, (N,).

    Returns:
        At most 1, 0 for chance; NaN where both call all images the same, or there is none.
    """
    predictions, labels = np.asarray(predictions, bool), np.asarray(labels, bool)
    if not len(labels):
        return float("nan")
    said, true = predictions.mean(), labels.mean()
    chance = said * true + (1 - said) * (1 - true)
    return float(((predictions == labels).mean() - chance) / (1 - chance)) if chance < 1 else float("nan")


def score_classification(
    test: AnomalyCases, min_lesion_pixels: int, interval: Interval
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """AUROC, accuracy and kappa of a classifier's scores of whole images (thesis ch. 6, Table 2).

    Args:
        test: slices to score.
        min_lesion_pixels: see :py:func:`evaluate`; slices that are neither diseased nor healthy do not count.
        interval: of a mean over slices.

    Returns:
        Summary and columns of the table of cases; nothing where no slice has a score.
    """
    scores, diseased = test["score"], test.diseased(min_lesion_pixels)
    if not np.isfinite(scores).any():
        return {}, {}
    known = np.isfinite(scores) & (diseased | test.healthy_slices())
    called = scores > CUT
    summary = {
        "image_auroc_classifier": score(roc_auc(scores[known], diseased[known]), known.sum()),
        "image_accuracy_classifier": slice_mean(np.where(known, called == diseased, np.nan), interval),
        "image_kappa_classifier": score(cohen_kappa(called[known], diseased[known]), known.sum()),
    }
    return summary, {"classifier_score": scores}
