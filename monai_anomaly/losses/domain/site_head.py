# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from .targets import SiteTargets, mean_of

__all__ = ["known_sites", "site_cost", "site_head"]


def site_head(latent_dim: int, hidden: int, num_sites: int) -> nn.Sequential:
    """The network that reads the site from the latent vector: one hidden layer."""
    return nn.Sequential(nn.Linear(latent_dim, hidden), nn.ReLU(), nn.Linear(hidden, num_sites))


def known_sites(targets: SiteTargets) -> torch.Tensor:
    """Images that tell something of the sites (N,), of bool: the drawn ones that are not of an unknown site."""
    return targets.drawn & (targets.site >= 0)


def site_cost(logits: torch.Tensor, targets: SiteTargets) -> torch.Tensor:
    """Mean cross-entropy of logits (N, S) of the sites, over the images of known sites; a scalar."""
    cost = F.cross_entropy(logits, targets.site, reduction="none", ignore_index=-1)
    return mean_of(cost, known_sites(targets))
