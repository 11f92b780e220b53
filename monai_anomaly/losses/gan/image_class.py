# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import torch
from torch.nn import functional as F
from torch.nn.modules.loss import _Loss

__all__ = ["ImageClassLoss"]


class ImageClassLoss(_Loss):
    r"""Classification loss :math:`E[-\log D_{cls}^c(x)]` (thesis ch. 6, eqs. 4 and 5).

    Of real images for the discriminator, of translations to class c for the generator; eq. 5 prints the class that the
    image came from.

    The cross-entropy, in float32 also in mixed precision.

    Example::

        logits = torch.zeros(4, 2)
        torch.testing.assert_close(ImageClassLoss()(logits, torch.tensor([0, 1, 0, 1])), torch.tensor(2.0).log())
    """

    def forward(self, logits: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        """The loss, a scalar.

        Args:
            logits: of the classes (N, K).
            label: the classes (N,), of int64.
        """
        return F.cross_entropy(logits.float(), label)
