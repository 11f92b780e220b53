# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np

__all__ = ["cohen_kappa"]


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
