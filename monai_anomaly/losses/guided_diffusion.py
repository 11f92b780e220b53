# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import torch
from monai.utils import CommonKeys as Keys
from torch.nn import functional as F
from torch.nn.modules.loss import _Loss

from ..diffusion import NoiseSchedule
from .hybrid import HybridDiffusionLoss

__all__ = ["GuidedDiffusionLoss"]


class GuidedDiffusionLoss(_Loss):
    """Hybrid loss of the diffusion network plus cross-entropy of the noise-conditioned classifier (thesis ch. 7).

    The networks share no parameter, so one sum trains both at once on the same noisy batch.

    Args:
        schedule: the noise schedule; None: linear, T = 1000.
        vlb_weight: see `HybridDiffusionLoss`.
        classifier_weight: factor of the cross-entropy.
    """

    def __init__(
        self, schedule: NoiseSchedule | None = None, vlb_weight: float = 1.0, classifier_weight: float = 1.0
    ) -> None:
        super().__init__()
        self.hybrid = HybridDiffusionLoss(schedule or NoiseSchedule(), vlb_weight)
        self.classifier_weight = classifier_weight

    def forward(self, pred: tuple[torch.Tensor, torch.Tensor], target: dict[str, torch.Tensor]) -> torch.Tensor:
        """The mean loss of a batch, a scalar.

        Args:
            pred: diffusion output (N, C or 2C, H, W) and logits (N, classes).
            target: ``noise``, ``x0``, ``x`` (N, C, H, W), ``level`` (N,) and ``label`` (N,), as `NoisyPrepareBatch`
                makes.
        """
        output, logits = pred
        diffusion = self.hybrid(output, target["noise"], target["x0"], target["x"], target["level"]).mean()
        return diffusion + self.classifier_weight * F.cross_entropy(logits.float(), target[Keys.LABEL])
