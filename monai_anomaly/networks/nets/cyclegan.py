# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import torch
from monai.networks.nets import PatchDiscriminator
from torch import nn

from ..layers import last_convolution, through_own_network
from .stargan import StarGANGenerator

__all__ = ["CycleGANDiscriminator", "CycleGANGenerator"]


class CycleGANGenerator(nn.Module):
    """CycleGAN's generators: one for each class, which translates images of any other class to it.

    An image goes through the generator of its target alone; of two classes these are the two directions. Source: Zhu et
    al. (https://arxiv.org/abs/1703.10593), section 7.1. Each is a `StarGANGenerator` without label planes, whose
    authors took CycleGAN's: here and there halvings are 4-convolutions in place of 3-convolutions, instance
    normalization has weights, and borders are padded with zeros in place of mirrored pixels.

    Args:
        spatial_dims: 1, 2 or 3.
        in_channels: channels of the image.
        num_classes: number of classes, and of generators.
        kwargs: see `StarGANGenerator`; CycleGAN has 9 residual blocks for 256 x 256 pixels, 6 for 128 x 128.

    Example::

        generator = CycleGANGenerator(channels=4, num_blocks=1)
        healthy = generator(torch.rand(2, 1, 16, 16), torch.tensor([0, 0]))
    """

    def __init__(self, spatial_dims: int = 2, in_channels: int = 1, num_classes: int = 2, **kwargs: Any) -> None:
        super().__init__()
        self.generators = nn.ModuleList(
            StarGANGenerator(spatial_dims, in_channels, num_classes=0, **kwargs) for _ in range(num_classes)
        )

    def forward(self, x: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Images (N, C, ...) as images of the target class, of the same shape.

        Args:
            x: (N, C, ...).
            target: class of each (N,), of int64.

        Raises:
            ValueError: when a size is not divisible by 2^num_downs, or there is not one target per image.
        """
        return through_own_network(self.generators, x, target)

    def output_layers(self) -> list[nn.Module]:
        """The last convolution of each generator."""
        return [last_convolution(generator) for generator in self.generators]


class CycleGANDiscriminator(nn.Module):
    """CycleGAN's critics: one for each class, which tells real images of it from artificial ones.

    Each is MONAI's ``PatchDiscriminator`` with instance normalization and biases: 4-convolutions with leaky ReLU (0.2),
    the first ``num_layers`` of them of stride 2, each doubling the channels. With the defaults a patch is 70 x 70
    pixels, and a critic of RGB images has the published 2,764,737 parameters. Source: Zhu et al.
    (https://arxiv.org/abs/1703.10593), section 7.1.

    Args:
        spatial_dims: 1, 2 or 3.
        in_channels: channels of the image.
        num_classes: number of classes, and of critics.
        channels: channels of the first convolution.
        num_layers: halvings.

    Example::

        critic = CycleGANDiscriminator(channels=4, num_layers=1)
        judged, no_logits = critic(torch.rand(2, 1, 16, 16), torch.tensor([0, 1]))
        assert judged.shape == (2, 1, 6, 6) and no_logits is None
    """

    def __init__(
        self,
        spatial_dims: int = 2,
        in_channels: int = 1,
        num_classes: int = 2,
        channels: int = 64,
        num_layers: int = 3,
    ) -> None:
        super().__init__()

        def critic() -> nn.Module:
            parts = PatchDiscriminator(
                spatial_dims, channels, in_channels, num_layers_d=num_layers, norm="instance", bias=True
            )
            return nn.Sequential(*parts.children())  # the result alone, without the features before it

        self.critics = nn.ModuleList(critic() for _ in range(num_classes))

    def forward(self, x: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, None]:
        """The critics' maps (N, 1, ...), a value per patch, and None: there is no class head.

        Args:
            x: images (N, C, ...).
            target: the class whose critic judges each image (N,), of int64.

        Raises:
            ValueError: when there is not one target per image.
        """
        return through_own_network(self.critics, x, target), None
