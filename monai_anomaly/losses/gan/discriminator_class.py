# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import torch
from torch.nn.modules.loss import _Loss

from .image_class import ImageClassLoss

__all__ = ["DiscriminatorClassLoss"]


class DiscriminatorClassLoss(_Loss):
    """The classes of real images alone, for a discriminator's warm-up in `CriticTrainer` (thesis ch. 6, eq. 4).

    Example::

        critic = DeScarGANDiscriminator(channels=(2, 4), num_convs=(1, 1), hidden=4)
        network = TranslationGAN(DeScarGANGenerator(channels=(2, 4)), critic)
        DiscriminatorClassLoss()(network, torch.rand(2, 1, 16, 16), torch.tensor([0, 1]))["loss"].backward()
    """

    def __init__(self) -> None:
        super().__init__()
        self.classification = ImageClassLoss()

    def forward(self, network: Any, image: torch.Tensor, label: torch.Tensor) -> dict[str, torch.Tensor]:
        """The cross-entropy.

        Args:
            network: has ``classify``, as `TranslationGAN`.
            image: real images (N, C, *spatial).
            label: their classes (N,), of int64.

        Returns:
            ``loss``, and the same without gradients as ``cls``; scalars.
        """
        loss = self.classification(network.classify(image), label)
        return {"loss": loss, "cls": loss.detach()}
