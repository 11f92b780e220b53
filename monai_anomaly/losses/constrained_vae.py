# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import torch

from .vae import VAELoss

__all__ = ["ConstrainedVAELoss"]


class ConstrainedVAELoss(VAELoss):
    r"""The loss of a variational autoencoder, and the distance of the codes of an image and its reconstruction.

    With the mean code :math:`\mu(x)` of J numbers,

    .. math::

        L = L_{VAE} + \frac{\rho}{J} \|\mu(x) - \mu(\hat x)\|_2^2.

    Source of the second term: Chen & Konukoglu (https://arxiv.org/abs/1806.04972); their code, an adversarial
    autoencoder, adds half the squared distance to the norm :math:`\|x - \hat x\|_2`. Here both terms are per number, as
    in Baur et al. (https://arxiv.org/abs/2004.03271), whose code has the mean square for the image, twice that of
    `VAELoss`: their :math:`\rho = 1` is 0.5 here.

    Args:
        beta: weight of the divergence, see `VAELoss`.
        constraint: :math:`\rho`; 0: `VAELoss`.

    Example::

        image, code = torch.rand(4, 1, 8, 8), torch.zeros(4, 16)
        pred = (image, code, code, code, code + 1)  # the last one: the code of the reconstruction
        torch.testing.assert_close(ConstrainedVAELoss(constraint=0.5)(pred, image), torch.tensor(0.5))
    """

    def __init__(self, beta: float = 1.0, constraint: float = 0.5) -> None:
        super().__init__(beta)
        self.constraint = constraint

    def forward(self, pred: tuple[torch.Tensor, ...], target: torch.Tensor) -> torch.Tensor:
        """The mean loss of a batch, a scalar.

        Args:
            pred: what `ConstrainedVAE` returns: the reconstruction (N, C, ...), mean, log-variance, sample (N, J), and
                the mean code of the reconstruction (N, J).
            target: the images (N, C, ...).

        Raises:
            ValueError: when the prediction lacks the code of the reconstruction.
        """
        if len(pred) != 5:
            raise ValueError(f"expected the 5 outputs of ConstrainedVAE, found {len(pred)}")
        distance = (pred[1].float() - pred[4].float()).square().mean()
        return super().forward(pred, target) + self.constraint * distance
