# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from .deforming_generator import Deformation

__all__ = ["TranslationGAN"]


class TranslationGAN(nn.Module):
    """A generator that translates images between classes, and the discriminator it is trained with, in one module.

    A bundle has one ``network_def`` and one state dict; this is it. Trained by `CriticTrainer`.

    Args:
        generator: called as ``generator(x, target)`` with images (N, C, *spatial) and the class to translate each to
            (N,), returns images.
        discriminator: called as ``discriminator(x, target)``, returns what the critic of each image's target class
            says (N, 1, ...), and logits of the classes (N, K), or None where it does not classify; then also has
            ``classify(x)``.
        healthy: the healthy class.
        head: makes the generator of ``generator``, which is then a network without an activation: a wrapper such as
            `AdditiveGenerator` or `DeformingGenerator`, called with it alone; None: it is the generator.

    Example::

        critic = DeScarGANDiscriminator(channels=(2, 4), num_convs=(1, 1))
        network = TranslationGAN(DeScarGANGenerator(channels=(2, 4)), critic)
        image = torch.rand(2, 1, 16, 16)
        anomaly_map = (image - network.translate(image, 0)).abs().sum(1, keepdim=True)
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        healthy: int = 0,
        head: Callable[[nn.Module], nn.Module] | None = None,
    ) -> None:
        super().__init__()
        self.generator: Any = generator if head is None else head(generator)
        self.discriminator: Any = discriminator
        self.healthy = healthy
        self.moves = hasattr(self.generator, "deform")

    def translate(self, x: torch.Tensor, target: int | torch.Tensor) -> torch.Tensor:
        """Images (N, C, *spatial) translated to a class, or each to its own (N,)."""
        return self.generator(x, _of_each(x, target))

    def deform(self, x: torch.Tensor, target: int | torch.Tensor) -> Deformation:
        """The same, and how the images became so; of a generator that ``moves`` them, see `DeformingGenerator`."""
        return self.generator.deform(x, _of_each(x, target))

    def classify(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of the classes (N, K) of images (N, C, *spatial)."""
        return self.discriminator.classify(x)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """The anomaly map (N, 1, *spatial), sum over the channels of \\|healthy - image\\|, of images (N, C, *spatial).

        For tools that know only ``image -> map``; the bundle's result comes from its inferer.
        """
        return (self.translate(image, self.healthy) - image).abs().sum(dim=1, keepdim=True)


def _of_each(x: torch.Tensor, target: int | torch.Tensor) -> torch.Tensor:
    """The target of each image (N,)."""
    if not isinstance(target, int):
        return target
    # the shape, not len(x): a traced network keeps the number of images open
    return torch.full((x.shape[0],), target, dtype=torch.long, device=x.device)
