# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import torch
from torch.nn import functional as F

from ...utils import DataError
from .base import TaskLoss

__all__ = ["SegmentationLoss"]


class SegmentationLoss(TaskLoss):
    """Cross-entropy of a segmenter, the mean of all pixels (thesis ch. 8, section 2.2).

    A network with as many output channels as the mask has gets the binary cross-entropy of each channel: one lesion,
    or regions that may overlap. A network of K channels for a mask of one channel that holds class indices gets the
    softmax cross-entropy of K classes.

    Args:
        target: entry with the mask of each image.
        weight: factor of the cross-entropy.

    Example::

        batch = {"image": torch.rand(2, 1, 8, 8), "mask": torch.randint(0, 3, (2, 1, 8, 8))}
        noisy = NoisyPrepareBatch(targets=("mask",), conditional=False)(batch)[1]
        loss = SegmentationLoss()(torch.zeros(2, 3, 8, 8), noisy)  # ln 3: even odds of three classes
    """

    def __init__(self, target: str = "mask", weight: float = 1.0) -> None:
        super().__init__(target, weight)

    def cost(self, pred: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        """Mean cross-entropy of logits (N, K, ...) and a mask (N, K, ...) of 0 and 1, or (N, 1, ...) of 0..K - 1."""
        binary = pred.shape == wanted.shape
        if not binary and wanted.shape != (len(pred), 1, *pred.shape[2:]):
            raise self.mismatch(pred, wanted, "logits and a mask of one size, with equal channels or one of classes")
        last = 1 if binary else pred.shape[1] - 1
        low, high = (float(value) for value in wanted.aminmax())
        if low < 0 or high > last:
            raise DataError(
                f"target {self.target!r}: expected a mask with values from 0 to {last}, found {low:g} to {high:g}; "
                "EncodeMaskd makes it of the files' labels"
            )
        if binary:
            return F.binary_cross_entropy_with_logits(pred, wanted.float())
        return F.cross_entropy(pred, wanted[:, 0].long())
