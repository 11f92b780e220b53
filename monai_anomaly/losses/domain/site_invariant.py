# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn
from torch.nn.modules.loss import _Loss

from .targets import SiteTargets

__all__ = ["SiteInvariantLoss"]


class SiteInvariantLoss(_Loss):
    r"""Weighted sum of the losses of a classifier that is to ignore the site (thesis ch. 9, eq. 1).

    L2I is the sum :math:`L_{cls} + 100 L_{cen} + L_{latent}`; each term decides by itself what learns from it.

    Args:
        terms: losses by name, called with the network's output and `SiteTargets`.
        weights: factor of each; default 1. A term of weight 0 is not computed.

    Raises:
        ValueError: when there is no term, or a weight of none.

    Example::

        terms = {"class": ClassLoss(trains_encoder=False), "center": CenterPointLoss(), "latent": LatentLoss()}
        loss = SiteInvariantLoss(terms, {"center": 100.0})
        latent = nn.functional.normalize(torch.randn(2, 8))
        output = {"latent": latent, "centers": latent, "detached_logits": torch.zeros(2, 2)}
        loss(output, SiteTargets(torch.tensor([0, 1]), torch.tensor([0, 1]), torch.tensor([True, False])))
    """

    def __init__(self, terms: Mapping[str, nn.Module], weights: Mapping[str, float] | None = None) -> None:
        super().__init__()
        weights = dict(weights or {})
        if not terms or set(weights) - set(terms):
            raise ValueError(f"weights must be of the terms {sorted(terms) or 'none'}, got {sorted(weights)}")
        self.terms = nn.ModuleDict(terms)
        self.weights = {name: float(weights.get(name, 1.0)) for name in terms}

    def forward(self, output: Mapping[str, torch.Tensor], targets: SiteTargets) -> torch.Tensor:
        """The weighted sum, a scalar.

        Args:
            output: of `LatentCenterClassifier`.
            targets: of the images.
        """
        costs = [weight * self.terms[name](output, targets) for name, weight in self.weights.items() if weight]
        return torch.stack(costs).sum() if costs else output["latent"].sum() * 0
