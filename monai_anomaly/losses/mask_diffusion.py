# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import torch
from monai.losses import DiceFocalLoss
from torch.nn.modules.loss import _Loss

from ..diffusion import NoiseSchedule, NoisyImages
from .hybrid import HybridDiffusionLoss

__all__ = ["MaskDiffusionLoss"]


class MaskDiffusionLoss(_Loss):
    """`HybridDiffusionLoss` of masks, and beside it Dice and focal loss of the clean mask that the network predicts.

    A squared error is content with half a lesion where the network is unsure of it; Dice asks for all of it, and so
    leaves fewer slices empty. Both are MONAI's ``DiceFocalLoss``, of every region by itself, Dice over the whole batch;
    the focal loss at ``gamma=0`` is the binary cross-entropy. They take logits, which are those of the predicted mask
    mapped to [0, 1], clamped to [eps, 1 - eps]: beyond these values they have no gradient. Source of the sum: Fu et
    al., MELBA 2023:016 (Dice 1, focal 1, squared error 0).

    Args:
        schedule: the noise schedule; None: linear, T = 1000.
        vlb_weight: see `HybridDiffusionLoss`.
        prediction: what the network predicts, see `Parametrization`.
        mask_range: values of background and lesion.
        mse_weight: of `HybridDiffusionLoss`.
        dice_weight: of Dice; 0: none.
        focal_weight: of the focal loss; 0: none.
        gamma: of the focal loss.
        eps: nearest to 0 and 1 that a predicted mask comes.

    Raises:
        ValueError: when a weight is negative, all are 0, ``eps`` is not in (0, 0.5) or ``prediction`` is unknown.

    Example::

        batch = {"image": torch.rand(2, 4, 8, 8), "mask": torch.zeros(2, 1, 8, 8)}
        inputs, target, _, arguments = NoisyMaskPrepareBatch()(batch)
        output = torch.zeros(2, 1, 8, 8, requires_grad=True)  # of the network
        MaskDiffusionLoss(prediction="sample", dice_weight=1.0, focal_weight=1.0)(output, target).backward()
    """

    def __init__(
        self,
        schedule: NoiseSchedule | None = None,
        vlb_weight: float = 1.0,
        prediction: str = "epsilon",
        mask_range: tuple[float, float] = (-1.0, 1.0),
        mse_weight: float = 1.0,
        dice_weight: float = 0.0,
        focal_weight: float = 0.0,
        gamma: float = 2.0,
        eps: float = 1e-6,
    ) -> None:
        super().__init__()
        weights = (mse_weight, dice_weight, focal_weight)
        if min(weights) < 0 or max(weights) == 0:
            raise ValueError(f"weights must not be negative, and not all 0, got {weights}")
        if not 0 < eps < 0.5:
            raise ValueError(f"eps must be in (0, 0.5), got {eps}")
        self.hybrid = HybridDiffusionLoss(schedule, vlb_weight, prediction)
        self.low, self.high = (float(v) for v in mask_range)
        self.mse_weight, self.dice_weight, self.focal_weight = weights
        self.eps = eps
        self.overlap = DiceFocalLoss(
            sigmoid=True, batch=True, gamma=gamma, lambda_dice=dice_weight, lambda_focal=focal_weight
        )

    def forward(self, pred: torch.Tensor, target: NoisyImages) -> torch.Tensor:
        """The loss, a scalar.

        Args:
            pred: the network's output, (N, K, ...) or (N, 2 K, ...) with the variance.
            target: masks (N, K, ...) in their range, at integer levels in 1..T.

        Raises:
            ValueError: when the output has neither K nor 2 K channels.
        """
        loss = self.mse_weight * self.hybrid(pred, target)
        if self.dice_weight or self.focal_weight:
            output = pred[:, : target.x.shape[1]].to(target.x.dtype)
            x0 = self.hybrid.parametrization.read(target.x, output, target.level)[1]
            loss = loss + self.overlap(torch.logit(self._decoded(x0), eps=self.eps), self._decoded(target.x0))
        return loss

    def _decoded(self, x0: torch.Tensor) -> torch.Tensor:
        """Background 0, lesion 1."""
        return (x0 - self.low) / (self.high - self.low)
