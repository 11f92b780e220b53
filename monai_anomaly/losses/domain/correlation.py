# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import torch
from torch.nn.modules.loss import _Loss

from .site_head import known_sites
from .targets import SiteTargets

__all__ = ["CorrelationAlignmentLoss"]


class CorrelationAlignmentLoss(_Loss):
    r"""Latent vectors of all sites get the same covariance (Deep CORAL),

    .. math::

        L = \frac{1}{4 m^2} \|C_a - C_b\|_F^2,

    the mean over all pairs of sites a, b that have two images or more in the batch. Between vectors of length 1 it is
    at most 2/m^2 (two images of each site), so that its weight must be large: m = 128 gives 1.2e-4.
    Source: Sun, Saenko, "Deep CORAL: Correlation Alignment for Deep Domain Adaptation" (ECCV workshops 2016,
    https://arxiv.org/abs/1607.01719), eqs. 1-3.

    Example::

        site = torch.tensor([0, 0, 1, 1])
        targets = SiteTargets(torch.zeros(4).long(), site, site == 0)
        CorrelationAlignmentLoss()({"latent": torch.rand(4, 8)}, targets)
    """

    def forward(self, output: Mapping[str, torch.Tensor], targets: SiteTargets) -> torch.Tensor:
        """The loss, a scalar; 0 without a pair of sites.

        Args:
            output: of `LatentCenterClassifier`, with ``latent`` (N, m).
            targets: of the images.
        """
        latent, known = output["latent"].float(), known_sites(targets)
        sites, numbers = targets.site[known].unique(return_counts=True)
        covariance = [latent[known & (targets.site == site)].t().cov() for site in sites[numbers > 1]]
        gaps = [(a - b).square().sum() for a, b in combinations(covariance, 2)]
        if not gaps:
            return latent.sum() * 0
        return torch.stack(gaps).mean() / (4 * latent.shape[1] ** 2)
