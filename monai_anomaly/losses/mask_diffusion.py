# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import torch
from torch.nn import functional as F
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
        cross_entropy: L_simple is the binary cross-entropy of the predicted clean mask in place of its squared error:
            the likelihood of a mask, which has two values. For a network that predicts the mask itself and stays
            within its range (``MaskDiffusionNet(bounded=True)``).
        mask_range: values of background and lesion, for the cross-entropy.

    Raises:
        ValueError: when the cross-entropy is asked for, but the network predicts no mask.
    """

    def __init__(
        self,
        schedule: NoiseSchedule | None = None,
        vlb_weight: float = 1.0,
        prediction: str = "epsilon",
        cross_entropy: bool = False,
        mask_range: tuple[float, float] = (-1.0, 1.0),
    ) -> None:
        super().__init__()
        schedule = schedule or NoiseSchedule()
        if cross_entropy and prediction != "sample":
            raise ValueError(f"cross_entropy needs the prediction 'sample', got {prediction!r}")
        self.hybrid = (
            _CrossEntropyHybrid(schedule, vlb_weight, mask_range)
            if cross_entropy
            else HybridDiffusionLoss(schedule, vlb_weight, prediction)
        )

    def forward(self, pred: torch.Tensor, target: dict[str, torch.Tensor]) -> torch.Tensor:
        """The mean loss of a batch, a scalar.

        Args:
            pred: the network's output (N, K or 2 K, H, W).
            target: ``noise``, ``x0``, ``x`` (N, K, H, W) and ``level`` (N,), as `NoisyMaskPrepareBatch` makes.
        """
        return self.hybrid(pred, target["noise"], target["x0"], target["x"], target["level"]).mean()


class _CrossEntropyHybrid(HybridDiffusionLoss):
    """The hybrid loss with the cross-entropy of masks as L_simple."""

    def __init__(self, schedule: NoiseSchedule, vlb_weight: float, mask_range: tuple[float, float]) -> None:
        super().__init__(schedule, vlb_weight, "sample")
        self.low, self.high = (float(v) for v in mask_range)

    def elementwise(self, predicted: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        share, mask = ((v - self.low) / (self.high - self.low) for v in (predicted, wanted))
        return F.binary_cross_entropy(share.clamp(1e-6, 1 - 1e-6), mask, reduction="none")
