# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
from scipy.special import logsumexp

__all__ = ["cohen_kappa", "log_odds"]


def cohen_kappa(predictions: np.ndarray, labels: np.ndarray) -> float:
    """Cohen's kappa: how far two verdicts on the same cases agree beyond chance, (p_o - p_e) / (1 - p_e).

    p_o is the share of the cases that both call alike, p_e what it would be if they were independent (Cohen, "A
    coefficient of agreement for nominal scales", 1960).

    Args:
        predictions: class of every case, (N,), any number of classes.
        labels: the same.

    Returns:
        At most 1, 0 for chance; NaN where both call all cases the same, or there is none.

    Example::

        cohen_kappa(np.array([0, 1, 2, 2]), np.array([0, 1, 2, 1]))  # 0.64
    """
    predictions, labels = np.asarray(predictions).astype(int), np.asarray(labels).astype(int)
    if not len(labels):
        return float("nan")
    classes = np.union1d(predictions, labels)
    chance = float(sum((predictions == c).mean() * (labels == c).mean() for c in classes))
    return float(((predictions == labels).mean() - chance) / (1 - chance)) if chance < 1 else float("nan")


def log_odds(logits: np.ndarray) -> np.ndarray:
    """Of each class against all others together, log p / (1 - p): what ranks cases as the probability does, which is 1
    for all whose logit is more than 37 above the others.

    Args:
        logits: (N, K), of two classes or more; in float64, whatever their type.

    Returns:
        Float64, (N, K).

    Example::

        log_odds(np.array([[0.0, 38.0], [0.0, 39.0]]))[:, 1]  # [38, 39]; both have probability 1
    """
    logits = np.asarray(logits, np.float64)
    others = np.where(np.eye(logits.shape[1], dtype=bool), -np.inf, logits[:, None])
    found: np.ndarray = logits - logsumexp(others, axis=2)
    return found
