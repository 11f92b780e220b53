# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import torch
from monai.losses import DeepSupervisionLoss

__all__ = ["StackedDeepSupervisionLoss"]


class StackedDeepSupervisionLoss(DeepSupervisionLoss):
    """MONAI's deep supervision for ``DynUNet``, which stacks its heads in one tensor, with nnU-Net's weights.

    Head i, counted from the finest, weighs 2^-i, and the weights sum to 1 (Isensee et al.,
    https://arxiv.org/abs/1904.08128, and ``nnUNetTrainer._build_loss``). nnU-Net gives the coarsest head no weight:
    leave it out of ``DynUNet``'s ``deep_supr_num``. ``DynUNet`` brings its coarse heads to the full size, where they
    are compared with the full mask; nnU-Net shrinks the mask instead.

    nnU-Net's own loss for regions that may overlap, Dice plus binary cross-entropy, is MONAI's ``DiceFocalLoss`` with
    ``gamma=0``. ``DiceCELoss`` is not: for two or more regions it takes the softmax, also with ``sigmoid=True``.

    Args:
        loss: called as ``loss(logits, target)`` for each head.

    Example::

        loss = StackedDeepSupervisionLoss(DiceFocalLoss(sigmoid=True, batch=True, gamma=0.0))
        heads, mask = torch.randn(2, 3, 1, 16, 16), torch.zeros(2, 1, 16, 16)
        value = loss(heads, mask)
    """

    def get_weights(self, levels: int = 1) -> list[float]:
        """1, 1/2, 1/4, ... divided by their sum."""
        weights = [0.5**level for level in range(levels)]
        return [weight / sum(weights) for weight in weights]

    def forward(self, pred: torch.Tensor, target: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        """The weighted loss.

        Args:
            pred: stacked heads (N, heads, K, ...) in training, finest first; in evaluation logits (N, K, ...).
            target: masks (N, K, ...).

        Raises:
            ValueError: when the prediction has neither layout.
        """
        if pred.ndim not in (target.ndim, target.ndim + 1):
            raise ValueError(
                f"expected (N, heads, K, ...) or (N, K, ...) for masks of {target.ndim} axes, found {pred.ndim} axes"
            )
        return super().forward(pred if pred.ndim == target.ndim else list(pred.unbind(1)), target)
