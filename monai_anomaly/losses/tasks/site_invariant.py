# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn
from torch.nn.modules.loss import _Loss

from ...diffusion import NoisyImages
from ...utils import DataError
from ..domain import SiteTargets

__all__ = ["SiteInvariantTaskLoss"]


class SiteInvariantTaskLoss(_Loss):
    """A loss of `losses.domain` for a guide that is to ignore the site: the next step that thesis ch. 9 names.

    The guide is a `LatentCenterClassifier` with a noise-conditioned encoder, which `GuidedDiffusionNet` calls with
    details where its argument ``detailed`` names it.

    Args:
        loss: called with the guide's details and `SiteTargets`, e.g. `SiteInvariantLoss`.
        weight: factor of it.

    Example::

        batch = {"image": torch.rand(2, 1, 8, 8), "label": torch.tensor([0, 1]), "site": ["A", "B"]}
        noisy = NoisySitePrepareBatch(["A", "B"], target="A")(batch)[1]
        loss = SiteInvariantTaskLoss(SiteInvariantLoss({"class": ClassLoss(trains_encoder=False)}))
        loss({"detached_logits": torch.zeros(2, 2)}, noisy)  # ln 2
    """

    def __init__(self, loss: nn.Module, weight: float = 1.0) -> None:
        super().__init__()
        self.loss = loss
        self.weight = weight

    def forward(self, pred: Mapping[str, torch.Tensor], noisy: NoisyImages) -> torch.Tensor:
        """The weighted loss of a batch, a scalar.

        Args:
            pred: of the guide, with details.
            noisy: the images with the targets ``label``, ``site``, ``target`` and, perhaps, ``anchor``.

        Raises:
            DataError: when the images come without one of these targets.
            ValueError: when the guide gives no details.
        """
        if not isinstance(pred, Mapping):
            raise ValueError(
                f"expected the details of a LatentCenterClassifier, got {type(pred).__name__}: name the task network "
                "in the argument detailed of GuidedDiffusionNet"
            )
        if missing := [name for name in ("label", "site", "target") if name not in noisy.targets]:
            raise DataError(
                f"expected the targets label, site and target with the noisy images, found no {', '.join(missing)}: "
                "NoisySitePrepareBatch makes them"
            )
        known = noisy.targets
        targets = SiteTargets(known["label"], known["site"], known["target"], known.get("anchor"))
        return self.weight * self.loss(pred, targets)
