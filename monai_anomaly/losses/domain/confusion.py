# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Mapping

import torch
from torch.func import functional_call
from torch.nn.modules.loss import _Loss

from .site_head import known_sites, site_cost, site_head
from .targets import SiteTargets, mean_of

__all__ = ["ConfusionLoss"]


class ConfusionLoss(_Loss):
    r"""Unlearning of the scanner: a head learns to tell the site, the encoder to leave it undecided,

    .. math::

        L_d(\theta_{head}) + \beta L_{conf}(\theta_E), \qquad
        L_{conf} = -\frac{1}{S} \sum_{s=1}^S \log p_s,

    the cross-entropy of the sites, from which the head alone learns, and that of equal odds, from which the encoder
    alone learns. The original takes three optimizers and three steps for each batch, one after the other: encoder and
    task, head, encoder against the head that has just learned. Here the three gradients are of one batch and one point,
    so that one step of one optimizer does. Where the site tells the class, a large beta erases the class as well; less
    so in the batches of `ClassAwareBatchSampler`. The head's weights are parameters of this module: give them to the
    optimizer and to `TrainingState`.
    Source: Dinsdale, Jenkinson, Namburete, "Deep learning-based unlearning of dataset bias for MRI harmonisation and
    confound removal" (NeuroImage 2021, https://doi.org/10.1016/j.neuroimage.2020.117689), section 2.

    Args:
        num_sites: S, of the known sites; images of unknown ones are left out.
        latent_dim: m.
        hidden: width of the head's hidden layer.
        beta: factor of the confusion.
        start: share of the training from which the encoder unlearns; before, the head alone learns from this loss. The
            original waits until both are good.

    Attributes:
        progress: share of the training that is done, 0 to 1; set by `LossProgress`, without which it is 1.

    Example::

        loss = ConfusionLoss(num_sites=3, latent_dim=8)
        targets = SiteTargets(torch.tensor([0, 1]), torch.tensor([0, 2]), torch.tensor([True, False]))
        loss({"latent": torch.rand(2, 8)}, targets)
    """

    def __init__(
        self, num_sites: int, latent_dim: int = 128, hidden: int = 128, beta: float = 1.0, start: float = 0.0
    ) -> None:
        super().__init__()
        self.head = site_head(latent_dim, hidden, num_sites)
        self.beta = beta
        self.start = start
        self.progress = 1.0

    def forward(self, output: Mapping[str, torch.Tensor], targets: SiteTargets) -> torch.Tensor:
        """The sum of both, a scalar.

        Args:
            output: of `LatentCenterClassifier`, with ``latent`` (N, m).
            targets: of the images.
        """
        latent = output["latent"].float()
        cost = site_cost(self.head(latent.detach()), targets)
        if self.progress < self.start:
            return cost
        fixed = {name: weight.detach() for name, weight in self.head.named_parameters()}
        undecided = -functional_call(self.head, fixed, latent).log_softmax(1).mean(1)
        return cost + self.beta * mean_of(undecided, known_sites(targets))
