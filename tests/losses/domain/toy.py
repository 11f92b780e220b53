# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""A classifier with centers and batches of three sites, small enough to reckon with."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from monai_anomaly.losses import SiteTargets

SITES, CLASSES, DIM = 3, 2, 4


class Toy(nn.Module):
    """Encoder, unit latent, centers and linear classifier, with the output of `LatentCenterClassifier`."""

    def __init__(self, classes: int = CLASSES) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.encoder = nn.Linear(5, DIM)
            self.centers = nn.Parameter(torch.randn(classes, DIM))
            self.classifier = nn.Linear(DIM, classes)

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        latent = F.normalize(self.encoder(x))
        return {
            "logits": self.classifier(latent),
            "detached_logits": self.classifier(latent.detach()),
            "latent": latent,
            "centers": F.normalize(self.centers),
        }


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
