# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import torch
from torch.nn import functional as F

from .base import TaskLoss

__all__ = ["ClassificationLoss"]


class ClassificationLoss(TaskLoss):
    """Cross-entropy of a classifier of any number of classes (thesis ch. 7), or of several that learn side by side.

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
        """Mean cross-entropy of logits (N, classes), or those of M classifiers (N, classes, M), and classes (N,)."""
        if pred.ndim not in (2, 3) or wanted.numel() != len(pred):
            raise self.mismatch(pred, wanted, "logits (N, classes) and one class for each image")
        classes = wanted.long().flatten()
        return F.cross_entropy(pred, classes if pred.ndim == 2 else classes[:, None].expand(-1, pred.shape[2]))
