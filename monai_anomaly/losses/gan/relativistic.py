# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import torch
from torch.nn import functional as F
from torch.nn.modules.loss import _Loss

__all__ = ["RelativisticCriticLoss", "RelativisticGeneratorLoss"]


class RelativisticCriticLoss(_Loss):
    r"""What a relativistic critic minimizes, :math:`E[\log(1 + e^{D_c(a_c) - D_c(r_c)})]`: it need only tell which of
    two images is the real one.

    Without a slope to hold it back, unlike Wasserstein's, it is steep where real and artificial images are confused and
    flat where they are told apart; use it with a `ZeroCenteredPenalty`. Each artificial image is paired with all real
    ones of its class in the batch, where the papers draw one, since a batch is small here. Source: Jolicoeur-Martineau
    (https://arxiv.org/abs/1807.00734), the relativistic pairing; Huang et al. (R3GAN,
    https://arxiv.org/abs/2501.05441), eq. 2.

    Example::

        real, fake, label = torch.zeros(4, 1), torch.zeros(4, 1), torch.tensor([0, 0, 1, 1])
        assert RelativisticCriticLoss()(real, fake, label, 1 - label) == torch.tensor(2.0).log()
    """

    sign = 1

    def forward(
        self, real: torch.Tensor, fake: torch.Tensor, real_class: torch.Tensor, fake_class: torch.Tensor
    ) -> torch.Tensor:
        """The loss, a scalar.

        Args:
            real: what the critics say of real images (N, ...), also (N,); the mean counts.
            fake: what they say of artificial ones (M, ...).
            real_class: which critic spoke, the class (N,).
            fake_class: the same (M,). An artificial image without a real one of its class counts 0.
        """
        real, fake = (judged.float()[:, None].flatten(1).mean(1) for judged in (real, fake))
        pairs = (fake_class[:, None] == real_class[None]).float()
        apart = F.softplus(self.sign * (fake[:, None] - real[None]))
        each = (pairs * apart).sum(1) / pairs.sum(1).clamp(min=1)
        return each.sum() / max(1, len(each))


class RelativisticGeneratorLoss(RelativisticCriticLoss):
    r"""What the generator minimizes against it, :math:`E[\log(1 + e^{D_c(r_c) - D_c(a_c)})]`; called alike.

    Example::

        real, fake, label = torch.zeros(4, 1), torch.zeros(4, 1), torch.tensor([0, 0, 1, 1])
        assert RelativisticGeneratorLoss()(real, fake, label, 1 - label) == torch.tensor(2.0).log()
    """

    sign = -1
