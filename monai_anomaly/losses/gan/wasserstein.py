# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import torch
from torch.nn.modules.loss import _Loss

__all__ = ["WassersteinCriticLoss", "WassersteinGeneratorLoss"]


class WassersteinCriticLoss(_Loss):
    r"""What Wasserstein critics minimize, :math:`-E[D_c(r_c)] + E[D_c(a_c)]` (thesis ch. 6, eq. 1, without the
    penalty).

    The means are taken class by class and weighted by the share of each class among the real images, as in the
    published code. Over a mixed batch at once, as eq. 1 reads, the number of images of a class would move the constant
    that each critic is free to add. The negative loss estimates the distance of real and artificial images in units of
    the critic's slope. Source: Arjovsky et al. (https://arxiv.org/abs/1701.07875).

    Example::

        real, fake, label = torch.ones(4, 1), torch.zeros(4, 1), torch.tensor([0, 0, 1, 1])
        assert WassersteinCriticLoss()(real, fake, label, 1 - label) == -1
    """

    def forward(
        self, real: torch.Tensor, fake: torch.Tensor, real_class: torch.Tensor, fake_class: torch.Tensor
    ) -> torch.Tensor:
        """The loss, a scalar.

        Args:
            real: what the critics say of real images (N, ...), also (N,).
            fake: what they say of artificial ones (M, ...).
            real_class: which critic spoke, the class (N,).
            fake_class: the same (M,). A class without real or without artificial images counts 0.
        """
        real, fake = (judged.float()[:, None].flatten(1).mean(1) for judged in (real, fake))  # also of (N,)
        loss = 0 * real.sum()
        for c in fake_class.unique().tolist():
            of_class = real_class == c
            if of_class.any():
                loss = loss + of_class.float().mean() * (fake[fake_class == c].mean() - real[of_class].mean())
        return loss


class WassersteinGeneratorLoss(_Loss):
    r"""What the generator minimizes, :math:`-E[D(a)]` (thesis ch. 6, eq. 2).

    Example::

        assert WassersteinGeneratorLoss()(torch.ones(4, 1, 6, 6)) == -1
    """

    def forward(self, fake: torch.Tensor) -> torch.Tensor:
        """The loss, a scalar, of what the critic says of artificial images (N, ...)."""
        return -fake.float().mean()
