# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.networks.blocks import Convolution
from monai.networks.layers.factories import Pool
from torch import nn

from ..layers import he_initialization

__all__ = ["DeScarGANDiscriminator"]


class DeScarGANDiscriminator(nn.Module):
    """Discriminator of DeScarGAN: one critic per class and a classifier that share a VGG-like encoder.

    Any image size that the poolings allow: the classifier pools its features to 4 x 4, which at 256 x 256 with the
    default channels is the published 2 x 2 pooling. With the defaults 18,170,180 parameters. The published critics have
    a border, of padding around a 1 x 1 convolution, that sees nothing of the image; it is left out. Weights are drawn
    after He et al.; Glorot's of the published code halve the variance in each layer, and with narrow networks the
    classifier then stayed at chance in trials. Source: thesis ch. 6, Fig. 3.

    Args:
        spatial_dims: 1, 2 or 3.
        in_channels: channels of the image.
        num_classes: number of classes.
        channels: channels of each level; as many poolings as levels minus one.
        num_convs: convolutions of each level.
        critics: whether there are critics; without, it is the classifier D_cls alone.
        norm: normalization behind the convolutions, as in MONAI's blocks; None, the thesis, for none. The gradient
            penalty forbids one over the batch.
        act: activation behind the convolutions, as in MONAI's blocks; ReLU, the thesis. The classifier's hidden layer
            keeps its ReLU.
        hidden: features of the classifier's hidden layer.
        dropout: behind the hidden layer.

    Raises:
        ValueError: when the levels of channels and num_convs disagree.

    Example::

        critic = DeScarGANDiscriminator(channels=(4, 8), num_convs=(1, 1))
        judged, logits = critic(torch.rand(2, 1, 16, 16), torch.tensor([0, 1]))
        assert judged.shape == (2, 1, 8, 8) and logits.shape == (2, 2)
    """

    def __init__(
        self,
        spatial_dims: int = 2,
        in_channels: int = 1,
        num_classes: int = 2,
        channels: Sequence[int] = (32, 64, 128, 256, 256, 512),
        num_convs: Sequence[int] = (1, 1, 2, 2, 2, 1),
        critics: bool = True,
        norm: str | tuple | None = None,
        act: str | tuple = "relu",
        hidden: int = 64,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        if len(num_convs) != len(channels):
            raise ValueError(f"{len(channels)} levels in channels but {len(num_convs)} in num_convs")

        def conv(inp: int, out: int) -> nn.Module:
            return Convolution(spatial_dims, inp, out, kernel_size=3, adn_ordering="NA", norm=norm, act=act)

        layers: list[nn.Module] = []
        width = in_channels
        for level, (out, depth) in enumerate(zip(channels, num_convs, strict=True)):
            layers += [Pool[Pool.MAX, spatial_dims](2)] if level else []
            for _ in range(depth):
                layers.append(conv(width, out))
                width = out
        self.encoder = nn.Sequential(*layers)

        def critic() -> nn.Module:
            last = Convolution(spatial_dims, width, 1, kernel_size=1, conv_only=True)
            return nn.Sequential(conv(width, width), conv(width, width), last)

        self.critics = nn.ModuleList(critic() for _ in range(num_classes if critics else 0))
        self.classifier = nn.Sequential(
            conv(width, width),
            conv(width, width),
            Pool[Pool.ADAPTIVEMAX, spatial_dims](4),
            nn.Flatten(),
            nn.Linear(width * 4**spatial_dims, hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, num_classes),
        )
        self.apply(he_initialization)

    def forward(self, x: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Judge images.

        Args:
            x: images (N, C, *spatial).
            target: the class whose critic judges each image (N,), of int64.

        Returns:
            The critics' maps (N, 1, *smaller), and the logits of the classes (N, K).

        Raises:
            RuntimeError: when there are no critics.
        """
        if not len(self.critics):
            raise RuntimeError("a discriminator with critics=False judges nothing; its classes are classify(x)")
        h = self.encoder(x)
        # all critics, at low resolution: cheaper than to sort the images by class
        judged = torch.cat([critic(h) for critic in self.critics], dim=1)
        index = target.reshape(-1, 1, *[1] * (h.ndim - 2)).expand(-1, 1, *judged.shape[2:])
        return judged.gather(1, index), self.classifier(h)

    def classify(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of the classes (N, K) of images (N, C, *spatial)."""
        return self.classifier(self.encoder(x))
