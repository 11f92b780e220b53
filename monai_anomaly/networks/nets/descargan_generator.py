# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.networks.blocks import Convolution
from monai.networks.layers.factories import Pool
from torch import nn

from ..layers import append_label_planes, he_initialization, last_convolution, through_own_network

__all__ = ["DeScarGANGenerator"]


class DeScarGANGenerator(nn.Module):
    """Generator of DeScarGAN: a U-Net with one output branch per class, and no skip connection at the top level.

    The class to translate to is told twice: as planes beside the image, which the published code has and the paper does
    not show, and by the branch. A skip connection at the top would forbid structural change; those below keep detail.
    With the default channels 8,528,262 parameters. Source: thesis ch. 6, Fig. 2; the names of the published weights
    differ, their order is the same.

    Args:
        spatial_dims: 1, 2 or 3.
        in_channels: channels of the image.
        num_classes: number of classes, and of branches.
        channels: channels of each level; as many poolings as levels minus one.
        norm: normalization, as in MONAI's blocks. Batch normalization behaves at inference as its mode says: running
            statistics (evaluation mode), or those of the image (:py:func:`image_statistics`), as published.
        out_channels: channels of the result; None: those of the image.
        activation: of the output, a name of MONAI's ``Act``; None: none, for a wrapper such as `DeformingGenerator`.
            Its branches then have no normalization, which would fix how much they change.

    Example::

        generator = DeScarGANGenerator(channels=(4, 8))
        healthy = generator(torch.rand(2, 1, 16, 16), torch.tensor([0, 0]))  # as images of class 0
    """

    def __init__(
        self,
        spatial_dims: int = 2,
        in_channels: int = 1,
        num_classes: int = 2,
        channels: Sequence[int] = (64, 128, 256, 512),
        norm: str | tuple = ("batch", {"momentum": 0.01}),
        out_channels: int | None = None,
        activation: str | None = "tanh",
    ) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.activation = activation
        out_channels = in_channels if out_channels is None else out_channels

        def conv(inp: int, out: int, act: str = "relu") -> nn.Module:
            return Convolution(spatial_dims, inp, out, kernel_size=3, adn_ordering="NA", norm=norm, act=act)

        def pair(inp: int, out: int) -> nn.Module:
            return nn.Sequential(conv(inp, out), conv(out, out))

        before = (in_channels + num_classes, *channels[:-1])
        self.pool = Pool[Pool.MAX, spatial_dims](2)
        self.down = nn.ModuleList(pair(i, o) for i, o in zip(before, channels, strict=True))
        up, join = [], []
        for level in range(len(channels) - 2, -1, -1):
            up.append(nn.Sequential(nn.Upsample(scale_factor=2), conv(channels[level + 1], channels[level])))
            join.append(pair(2 * channels[level], channels[level]) if level else nn.Identity())
        self.up, self.join = nn.ModuleList(up), nn.ModuleList(join)  # coarsest level first

        def branch() -> nn.Module:
            width = channels[0]
            if activation is not None:
                return nn.Sequential(conv(width, width), conv(width, out_channels, act=activation))
            hidden = Convolution(
                spatial_dims, width, width, adn_ordering="A", act=("leakyrelu", {"negative_slope": 0.2})
            )
            return nn.Sequential(hidden, Convolution(spatial_dims, width, out_channels, conv_only=True))

        self.branches = nn.ModuleList(branch() for _ in range(num_classes))
        for part in (self.down, self.up, self.join, self.branches):
            if part is not self.branches or activation is not None:
                part.apply(he_initialization)  # as in the published code

    def forward(self, x: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Images (N, C, *spatial), with a tanh in [-1, 1], of the target classes.

        Args:
            x: images (N, C, *spatial), scaled to [-1, 1]; the size is a multiple of 2 to the number of poolings.
            target: class to translate each image to (N,), of int64.

        Raises:
            ValueError: when there is not one target per image.
        """
        h = append_label_planes(x, target, self.num_classes)
        skips = []
        for level, block in enumerate(self.down):
            h = block(h if level == 0 else self.pool(h))
            skips.append(h)
        for level, (up, join) in enumerate(zip(self.up, self.join, strict=True)):
            h = up(h)
            if level < len(self.up) - 1:
                h = join(torch.cat([h, skips[-2 - level]], dim=1))
        # only its own: they run at full resolution
        return through_own_network(self.branches, h, target)

    def output_layers(self) -> list[nn.Module]:
        """The last convolution of each branch."""
        return [last_convolution(branch) for branch in self.branches]
