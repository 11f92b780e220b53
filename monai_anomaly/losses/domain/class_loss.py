# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch.nn import functional as F
from torch.nn.modules.loss import _Loss

from .groups import group_weights
from .targets import SiteTargets, mean_of

__all__ = ["ClassLoss"]


class ClassLoss(_Loss):
    """Cross-entropy of the classes (thesis ch. 9, eq. 1), of every image but the anchors.

    Args:
        trains_encoder: False: the classifier alone learns from it (L2I), since the encoder would learn the scanner.
        balanced: each (site, class) group of the training set weighs the same, whatever its number of images.
        groups: number of training images of each site and class, S x K, see `group_counts`; for ``balanced``.
        source_only: images of the target domain do not count, as if they had no labels (`ContrastiveDiscrepancyLoss`).

    Raises:
        ValueError: when ``balanced`` comes without ``groups``, or all of these are 0.

    Example::

        targets = SiteTargets(torch.tensor([0, 1]), torch.tensor([0, 1]), torch.tensor([True, False]))
        ClassLoss()({"logits": torch.zeros(2, 2)}, targets)  # ln 2
    """

    def __init__(
        self,
        trains_encoder: bool = True,
        balanced: bool = False,
        groups: Sequence[Sequence[int]] | None = None,
        source_only: bool = False,
    ) -> None:
        super().__init__()
        if balanced and groups is None:
            raise ValueError("balanced needs groups, the number of images of each site and class")
        self.trains_encoder = trains_encoder
        self.balanced = balanced
        self.groups = groups
        self.source_only = source_only
        weights = group_weights(groups) if balanced and groups is not None else None
        self.register_buffer("group_weights", weights, persistent=False)

    def forward(self, output: Mapping[str, torch.Tensor], targets: SiteTargets) -> torch.Tensor:
        """The loss, a scalar.

        Args:
            output: of `LatentCenterClassifier`, with ``logits`` or ``detached_logits`` (N, K).
            targets: of the images.
        """
        logits = output["logits" if self.trains_encoder else "detached_logits"]
        cost = F.cross_entropy(logits.float(), targets.label, reduction="none")
        if isinstance(self.group_weights, torch.Tensor):
            # an unknown site, of a validation, has no count
            weight = self.group_weights[targets.site.clamp(min=0), targets.label].to(cost)
            cost = cost * torch.where(targets.site < 0, 1, weight)
        return mean_of(cost, targets.drawn & ~targets.target if self.source_only else targets.drawn)
