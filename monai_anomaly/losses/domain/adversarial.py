# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch.nn.modules.loss import _Loss

from ...networks.layers import reverse_gradient
from .site_head import site_cost, site_head
from .targets import SiteTargets

__all__ = ["DomainAdversarialLoss"]


class DomainAdversarialLoss(_Loss):
    r"""Domain-adversarial training (DANN): a head learns to tell the site, the encoder to hide it from the head.

    The cross-entropy of the sites, whose gradient is multiplied by :math:`-\lambda` between head and encoder,

    .. math::

        \lambda = s \left(\frac{2}{1 + \exp(-\gamma p)} - 1\right),

    with the share p of the training that is done. The head's weights are parameters of this module: give them to the
    optimizer and to `TrainingState`.
    Source: Ganin et al., "Domain-Adversarial Training of Neural Networks" (JMLR 2016,
    https://arxiv.org/abs/1505.07818), section 5.2.2.

    Args:
        num_sites: S, of the known sites; images of unknown ones are left out.
        latent_dim: m.
        hidden: width of the head's hidden layer.
        scale: s, strength of the reversal in the end.
        gamma: steepness of its rise; the paper's 10.

    Attributes:
        progress: p, 0 to 1; set by `LossProgress`, without which it is 1.

    Example::

        loss = DomainAdversarialLoss(num_sites=3, latent_dim=8)
        targets = SiteTargets(torch.tensor([0, 1]), torch.tensor([0, 2]), torch.tensor([True, False]))
        loss({"latent": torch.rand(2, 8)}, targets)
    """

    def __init__(
        self, num_sites: int, latent_dim: int = 128, hidden: int = 128, scale: float = 1.0, gamma: float = 10.0
    ) -> None:
        super().__init__()
        self.head = site_head(latent_dim, hidden, num_sites)
        self.scale = scale
        self.gamma = gamma
        self.progress = 1.0

    @property
    def strength(self) -> float:
        """Lambda, at the present progress."""
        return self.scale * math.tanh(self.gamma * self.progress / 2)  # the same, in one function

    def forward(self, output: Mapping[str, torch.Tensor], targets: SiteTargets) -> torch.Tensor:
        """The loss of the head, a scalar.

        Args:
            output: of `LatentCenterClassifier`, with ``latent`` (N, m).
            targets: of the images.
        """
        return site_cost(self.head(reverse_gradient(output["latent"].float(), self.strength)), targets)
