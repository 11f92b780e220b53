# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""A classifier with centers and batches of three sites, small enough to reckon with."""

from __future__ import annotations

import torch
from torch import nn

from monai_anomaly.losses import SiteTargets
from monai_anomaly.networks.nets import LatentCenterClassifier

SITES, DIM = 3, 4


class Toy(LatentCenterClassifier):
    """The network of the losses with a linear encoder."""

    def __init__(self) -> None:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            super().__init__(nn.Linear(5, DIM), latent_dim=DIM)

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return super().forward(x, details=True)


def targets(label: list[int], site: list[int], anchor: list[int] | None = None) -> SiteTargets:
    """Of images whose target domain is site 0."""
    sites = torch.tensor(site)
    marked = None if anchor is None else torch.tensor(anchor).bool()
    return SiteTargets(torch.tensor(label), sites, sites == 0, marked)


def images(n: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(n, 5, generator=torch.Generator().manual_seed(seed))


def unit(*angles: float) -> torch.Tensor:
    """Points of the circle at some degrees, (N, 2)."""
    radians = torch.tensor(angles).deg2rad()
    return torch.stack([radians.cos(), radians.sin()], 1)


def learning(loss: nn.Module, given: SiteTargets) -> set[str]:
    """The parts of a network and of a loss that get a gradient other than 0."""
    network = Toy()
    loss(network(images(len(given))), given).backward()
    parts = {"encoder": network.encoder, "classifier": network.classifier, "loss": loss}
    found = {name for name, part in parts.items() if any(moved(p) for p in part.parameters())}
    return found | ({"centers"} if moved(network.centers) else set())


def moved(parameter: torch.Tensor) -> bool:
    return parameter.grad is not None and bool(parameter.grad.abs().sum() > 0)
