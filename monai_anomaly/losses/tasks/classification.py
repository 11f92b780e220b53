# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import torch
from torch.nn import functional as F

from .base import TaskLoss

__all__ = ["ClassificationLoss"]


class ClassificationLoss(TaskLoss):
    """Cross-entropy of a classifier of any number of classes (thesis ch. 7).

    Args:
        target: entry with the class of each image, whole numbers.
        weight: factor of the cross-entropy.

    Example::

        noisy = NoisyPrepareBatch()({"image": torch.rand(2, 1, 8, 8), "label": [0, 2]})[1]
        loss = ClassificationLoss()(torch.zeros(2, 3), noisy)  # ln 3: even odds of three classes
    """

    def __init__(self, target: str = "label", weight: float = 1.0) -> None:
        super().__init__(target, weight)

    def cost(self, pred: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        """Mean cross-entropy of logits (N, classes) and classes (N,) or (N, 1)."""
        if pred.ndim != 2 or wanted.numel() != len(pred):
            raise self.mismatch(pred, wanted, "logits (N, classes) and one class for each image")
        return F.cross_entropy(pred, wanted.long().flatten())
