# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from ignite.engine import Engine, Events
from monai.networks.utils import eval_mode
from torch import nn

from ..losses import ContrastiveDiscrepancyLoss, SiteTargets

__all__ = ["ClusterTargets"]


class ClusterTargets:
    """Find the clusters of the target domain before each epoch, for `ContrastiveDiscrepancyLoss` (CAN).

    The training images go through the network as it is, which takes a validation of them; from their latent vectors
    the loss finds the clusters. A loss without that term costs nothing.

    Args:
        loss: the loss, or a sum of losses with that term.
        loader: batches of all training images, in order and without augmentation.
    """

    def __init__(self, loss: nn.Module, loader: Iterable[Any]) -> None:
        self.losses = [module for module in loss.modules() if isinstance(module, ContrastiveDiscrepancyLoss)]
        self.loader = loader

    def attach(self, engine: Engine) -> None:
        """Cluster as each epoch of a trainer starts. Attach after `EpochSeed`."""
        if self.losses:
            engine.add_event_handler(Events.EPOCH_STARTED, self)

    def __call__(self, engine: Engine) -> None:
        """Cluster with the trainer's network, inferer and preparation of the batches.

        Raises:
            DataError: when the source domain lacks a class, or the training data has no image of the target.
        """
        latent, targets = self.embed(engine)
        for loss in self.losses:
            loss.cluster(latent, targets)

    def embed(self, trainer: Any) -> tuple[torch.Tensor, SiteTargets]:
        """The latent vectors of all images (N, m), and what is known of them."""
        latent, known = [], []
        with eval_mode(trainer.network):
            for batch in self.loader:
                image, targets = trainer.prepare_batch(batch, trainer.state.device, trainer.non_blocking)
                latent.append(trainer.inferer(image, trainer.network)["latent"])
                known.append(targets)
        label, site, target = (torch.cat([getattr(t, name) for t in known]) for name in ("label", "site", "target"))
        return torch.cat(latent), SiteTargets(label, site, target)
