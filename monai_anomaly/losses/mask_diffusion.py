# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import torch
from torch.nn.modules.loss import _Loss

from ..diffusion import NoiseSchedule
from .hybrid import HybridDiffusionLoss

__all__ = ["MaskDiffusionLoss"]


class MaskDiffusionLoss(_Loss):
    """Hybrid loss of a diffusion network that denoises segmentation masks (thesis ch. 5).

    Args:
        schedule: the noise schedule; None: linear, T = 1000.
        vlb_weight: see `HybridDiffusionLoss`; of no effect without a learned variance.
        prediction: what the network predicts, see `Parametrization`.
    """

    def __init__(
        self, schedule: NoiseSchedule | None = None, vlb_weight: float = 1.0, prediction: str = "epsilon"
    ) -> None:
        super().__init__()
        self.hybrid = HybridDiffusionLoss(schedule or NoiseSchedule(), vlb_weight, prediction)

    def forward(self, pred: torch.Tensor, target: dict[str, torch.Tensor]) -> torch.Tensor:
        """The mean loss of a batch, a scalar.

        Args:
            pred: the network's output (N, K or 2 K, H, W).
            target: ``noise``, ``x0``, ``x`` (N, K, H, W) and ``level`` (N,), as `NoisyMaskPrepareBatch` makes.
        """
        return self.hybrid(pred, target["noise"], target["x0"], target["x"], target["level"]).mean()
