# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import torch
from torch.nn import functional as F
from torch.nn.modules.loss import _Loss

from ..diffusion import NoiseSchedule, NoisyImages
from .hybrid import HybridDiffusionLoss

__all__ = ["GuidedDiffusionLoss"]


class GuidedDiffusionLoss(_Loss):
    """Hybrid loss of the diffusion network plus cross-entropy of the noise-conditioned classifier (thesis ch. 7).

    The networks share no parameter, so one sum trains both at once on the same noisy batch.

    Args:
        schedule: the noise schedule; None: linear, T = 1000.
        vlb_weight: see `HybridDiffusionLoss`.
        classifier_weight: factor of the cross-entropy.

    Example::

        target = NoisyPrepareBatch()({"image": torch.rand(4, 1, 8, 8), "label": torch.tensor([0, 1, 0, 1])})[1]
        pred = torch.randn(4, 2, 8, 8), torch.randn(4, 2)  # noise and variance; logits
        loss = GuidedDiffusionLoss()(pred, target)
    """

    def __init__(
        self, schedule: NoiseSchedule | None = None, vlb_weight: float = 1.0, classifier_weight: float = 1.0
    ) -> None:
        super().__init__()
        self.hybrid = HybridDiffusionLoss(schedule, vlb_weight)
        self.classifier_weight = classifier_weight

    def forward(self, pred: tuple[torch.Tensor, torch.Tensor], target: NoisyImages) -> torch.Tensor:
        """The mean loss of a batch, a scalar.

        Args:
            pred: diffusion output (N, C or 2C, H, W) and logits (N, classes).
            target: images (N, C, H, W) with their class, as `NoisyPrepareBatch` makes.

        Raises:
            ValueError: when the images come without their class.
        """
        if target.label is None:
            raise ValueError("expected a class for each image, found none: NoisyPrepareBatch sets it")
        output, logits = pred
        classification = F.cross_entropy(logits.float(), target.label)
        return self.hybrid(output, target) + self.classifier_weight * classification
