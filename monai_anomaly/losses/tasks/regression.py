# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import torch
from torch.nn import functional as F

from .base import TaskLoss

__all__ = ["RegressionLoss"]


class RegressionLoss(TaskLoss):
    """Mean squared error of a regressor of one number (thesis ch. 8, section 2.1).

    Args:
        target: entry with the number of each image, e.g. ``size`` or ``age``, in the unit that the guide is to use.
        weight: factor of the error; one divided by the variance of the numbers makes tasks comparable.

    Example::

        batch = {"image": torch.rand(2, 1, 8, 8), "size": torch.tensor([[0.0], [0.2]])}
        noisy = NoisyPrepareBatch(targets=("size",), conditional=False)(batch)[1]
        loss = RegressionLoss("size")(torch.tensor([[0.1], [0.1]]), noisy)  # 0.01
    """

    def cost(self, pred: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        """Mean squared difference of outputs (N, 1) and numbers (N,) or (N, 1)."""
        if pred.numel() != len(pred) or wanted.numel() != len(pred):
            raise self.mismatch(pred, wanted, "one output and one number for each image")
        return F.mse_loss(pred.flatten(), wanted.flatten().float())
