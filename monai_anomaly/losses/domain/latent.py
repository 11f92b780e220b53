# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Mapping

import torch
from torch.nn.modules.loss import _Loss

from .center_point import check_radius, outside
from .targets import SiteTargets, mean_of

__all__ = ["LatentLoss"]


class LatentLoss(_Loss):
    r"""Images of all domains come near the center of their class (thesis ch. 9, eq. 3),

    .. math::

        L_{latent}(f_i) = \max(\|f_i - o_i\|_2 - r, 0)^2,

    the mean over the images that are no anchors. The encoder alone learns from it.

    Args:
        radius: r, within which an image is near enough to its center.

    Raises:
        ValueError: when it is negative.

    Example::

        targets = SiteTargets(torch.tensor([0]), torch.tensor([1]), torch.tensor([False]))
        output = {"latent": torch.tensor([[0.0, 1.0]]), "centers": torch.tensor([[0.0, -1.0]])}
        torch.testing.assert_close(LatentLoss()(output, targets), torch.tensor(1.9**2))
    """

    def __init__(self, radius: float = 0.1) -> None:
        super().__init__()
        self.radius = check_radius(radius)

    def forward(self, output: Mapping[str, torch.Tensor], targets: SiteTargets) -> torch.Tensor:
        """The loss, a scalar.

        Args:
            output: of `LatentCenterClassifier`, with ``latent`` (N, m) and ``centers`` (K, m), all of length 1.
            targets: of the images.
        """
        center = output["centers"].detach().float()[targets.label]
        return mean_of(outside(output["latent"].float(), center, self.radius), targets.drawn)
