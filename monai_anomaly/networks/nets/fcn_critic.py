# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.networks.blocks import Convolution
from monai.networks.layers.factories import Conv, Pool
from torch import nn

from ..layers import he_initialization

__all__ = ["FCNCritic"]


class FCNCritic(nn.Module):
    """VAGAN's critic: a fully convolutional network whose outputs are averaged, one number per image.

    3-convolutions with ReLU and max pooling between the levels, one more convolution, a 1-convolution to one channel
    and the mean over all locations; no normalization. Any size of image: the pooling keeps the last row and column of
    an odd one. With the defaults 1,757,249 parameters. Source: Baumgartner et al. (https://arxiv.org/abs/1711.08998),
    ``C3D_fcn_16_2D`` of their code.

    Args:
        spatial_dims: 1, 2 or 3.
        in_channels: channels of the image.
        channels: channels of each level.
        num_convs: convolutions of each level.

    Raises:
        ValueError: when ``channels`` and ``num_convs`` differ in length or a level has no convolution.

    Example::

        values, no_logits = FCNCritic(channels=(4, 8), num_convs=(1, 1))(torch.rand(2, 1, 15, 15))
        assert values.shape == (2, 1, 1, 1) and no_logits is None
    """

    def __init__(
        self,
        spatial_dims: int = 2,
        in_channels: int = 1,
        channels: Sequence[int] = (16, 32, 64, 128, 256),
        num_convs: Sequence[int] = (1, 1, 2, 2, 2),
    ) -> None:
        super().__init__()
        if len(channels) != len(num_convs) or min(num_convs) < 1:
            raise ValueError(
                f"expected convolutions for each of {len(channels)} levels, got num_convs {list(num_convs)}"
            )

        def conv(inp: int, out: int) -> Convolution:
            return Convolution(spatial_dims, inp, out, act=("relu", {"inplace": True}), norm=None)

        layers: list[nn.Module] = []
        before = in_channels
        for level, (width, depth) in enumerate(zip(channels, num_convs, strict=True)):
            if level:
                layers += [Pool[Pool.MAX, spatial_dims](2, ceil_mode=True)]
            layers += [conv(inp, width) for inp in [before] + [width] * (depth - 1)]
            before = width
        layers += [conv(before, before), Conv[Conv.CONV, spatial_dims](before, 1, 1)]
        self.main = nn.Sequential(*layers)
        self.apply(he_initialization)  # as in the published code

    def forward(self, x: torch.Tensor, target: torch.Tensor | None = None) -> tuple[torch.Tensor, None]:
        """The critic's value (N, 1, 1, ...) of images (N, C, ...), and None: there is no class head.

        Args:
            x: images (N, C, ...).
            target: ignored: only healthy images are criticized.
        """
        values = self.main(x)
        return values.mean(dim=list(range(2, x.ndim)), keepdim=True), None
