# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import torch
from torch.nn.modules.loss import _Loss

__all__ = ["VAELoss"]


class VAELoss(_Loss):
    r"""Negative evidence lower bound of a variational autoencoder, in nats per pixel and channel.

    With a Gaussian decoder of unit variance (constants left out) and the prior N(0, I), D values per image and a latent
    code of J numbers,

    .. math::

        L = \frac{1}{D} \left( \frac{1}{2} \|x - \hat x\|_2^2 + \beta \, D_{KL} \right), \quad
        D_{KL} = \frac{1}{2} \sum_{j=1}^{J} \left( \mu_j^2 + \sigma_j^2 - 1 - \log \sigma_j^2 \right).

    A decoder of standard deviation s corresponds to beta = s^2. The thesis (eq. 4.5) has the norm in place of half its
    square; the square is the likelihood of Kingma & Welling (https://arxiv.org/abs/1312.6114), section 3 and appendix
    C.2; beta as in Higgins et al., "beta-VAE" (ICLR 2017).

    Args:
        beta: weight of the divergence.

    Example::

        image, mean, log_variance = torch.rand(4, 1, 8, 8), torch.zeros(4, 16), torch.zeros(4, 16)
        assert VAELoss()((image, mean, log_variance), image) == 0
        assert VAELoss(beta=4.0)((image, mean + 1, log_variance), image) > 0
    """

    def __init__(self, beta: float = 1.0) -> None:
        super().__init__()
        self.beta = beta

    def forward(self, pred: tuple[torch.Tensor, ...], target: torch.Tensor) -> torch.Tensor:
        """The mean loss of a batch, a scalar.

        Args:
            pred: reconstruction (N, C, ...), mean (N, J) and log-variance (N, J) of the latent code, and whatever else
                the network returns, as MONAI's ``VarAutoEncoder`` does.
            target: the images (N, C, ...).
        """
        reconstruction, mean, log_variance = (value.float() for value in pred[:3])
        half_square = 0.5 * (target.float() - reconstruction).square().flatten(1).sum(1)
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)
        return (half_square + self.beta * divergence).mean() / target[0].numel()
