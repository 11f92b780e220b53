# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import torch
from monai.losses import PatchAdversarialLoss
from torch.nn.modules.loss import _Loss

__all__ = ["LeastSquaresCriticLoss", "LeastSquaresGeneratorLoss"]


class LeastSquaresCriticLoss(_Loss):
    r"""What critics of CycleGAN minimize, :math:`\tfrac{1}{2} (E[(D_c(r_c) - 1)^2] + E[D_c(a_c)^2])`: to say 1 of real
    images and 0 of artificial ones.

    Without a gradient penalty. The squares are MONAI's ``PatchAdversarialLoss``, without its activation. Source: Mao et
    al. (LSGAN, https://arxiv.org/abs/1611.04076), eq. 9; Zhu et al. (CycleGAN, https://arxiv.org/abs/1703.10593),
    section 4.

    Example::

        real, fake, label = torch.ones(4, 1), torch.ones(4, 1), torch.tensor([0, 0, 1, 1])
        assert LeastSquaresCriticLoss()(real, fake, label, 1 - label) == 0.5
    """

    def __init__(self) -> None:
        super().__init__()
        self.squares = PatchAdversarialLoss(criterion="least_squares", no_activation_leastsq=True)

    def forward(
        self, real: torch.Tensor, fake: torch.Tensor, real_class: torch.Tensor, fake_class: torch.Tensor
    ) -> torch.Tensor:
        """The loss, a scalar.

        Args:
            real: what the critics say of real images (N, ...); every location counts.
            fake: what they say of artificial ones (M, ...); none count 0.
            real_class: not used: all images count alike, whichever critic spoke.
            fake_class: not used.
        """
        return 0.5 * (self.off(real, True) + self.off(fake, False))

    def off(self, judged: torch.Tensor, real: bool) -> torch.Tensor:
        """Mean square by which the critics' values (N, ...) are off those of real or artificial images."""
        return self.squares(judged.float(), real, for_discriminator=True) if len(judged) else 0 * judged.float().sum()


class LeastSquaresGeneratorLoss(LeastSquaresCriticLoss):
    r"""What the generator minimizes against them, :math:`E[(D(a) - 1)^2]`.

    Example::

        assert LeastSquaresGeneratorLoss()(torch.zeros(4, 1, 6, 6)) == 1
    """

    def forward(self, fake: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        """The loss, a scalar, of what the critics say of artificial images (N, ...)."""
        return self.off(fake, True)
