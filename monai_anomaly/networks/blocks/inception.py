# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
import torch.nn.functional as F
from monai.networks.blocks import Convolution
from monai.networks.layers.factories import Conv
from torch import nn

__all__ = ["Concatenation", "InceptionResBlock", "normalized_conv", "separable_convs"]

LENGTHS = {"17": 7, "8": 3}
"""Of the separable convolutions of a kind of block."""


def normalized_conv(
    spatial_dims: int,
    in_channels: int,
    out_channels: int,
    kernel_size: Sequence[int] | int,
    stride: int = 1,
    padding: bool = True,
) -> nn.Module:
    """A convolution without bias, instance normalization without weights, and ReLU.

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels of the input.
        out_channels: channels of the output.
        kernel_size: one odd number, or one per axis.
        stride: on every axis.
        padding: zeros around the image, so that with stride 1 the size stays.
    """
    return Convolution(
        spatial_dims,
        in_channels,
        out_channels,
        strides=stride,
        kernel_size=kernel_size,
        adn_ordering="NA",
        act=("relu", {"inplace": True}),
        norm="instance",
        bias=False,
        padding=None if padding else 0,
    )


def separable_convs(spatial_dims: int, channels: int, length: int) -> list[nn.Module]:
    """One convolution along each axis, the last axis first: in 2D of 1 x ``length``, then of ``length`` x 1."""
    kernels = [[length if axis == along else 1 for axis in range(spatial_dims)] for along in range(spatial_dims)]
    return [normalized_conv(spatial_dims, channels, channels, kernel) for kernel in reversed(kernels)]


class Concatenation(nn.Module):
    """Branches that see the same features; their outputs are put behind each other.

    Args:
        branches: each from (N, C, *spatial) to features of one spatial size.
    """

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Features (N, the sum of the branches' channels, *spatial)."""
        outputs: list[torch.Tensor] = []
        for branch in self.branches:
            outputs.append(branch(x))
        return torch.cat(outputs, dim=1)


class InceptionResBlock(nn.Module):
    """Residual block of Inception-ResNet: ``relu(x + scale * conv(branches(x)))`` (Block35, Block17, Block8).

    Every branch starts with a 1 x 1 convolution to ``width`` channels. The convolution behind the branches is the only
    one with a bias. Source: Szegedy et al. (https://arxiv.org/abs/1602.07261), figures 10, 11, 13 and section 3.3.

    Args:
        spatial_dims: 2 or 3.
        channels: channels of the input and of the output.
        width: channels of each branch.
        kind: ``"35"``: branches with zero, one and two 3 x 3 convolutions; ``"17"``: zero, and convolutions of length 7
            along each axis; ``"8"``: zero, and of length 3 along each axis.
        scale: of the residual.
        activation: ReLU at the end.

    Raises:
        ValueError: when the kind is another.
    """

    def __init__(
        self, spatial_dims: int, channels: int, width: int, kind: str, scale: float, activation: bool = True
    ) -> None:
        super().__init__()
        self.scale = scale
        self.activation = activation
        conv = partial(normalized_conv, spatial_dims)
        chains: list[list[nn.Module]]
        if kind == "35":
            chains = [[], [conv(width, width, 3)], [conv(width, width, 3), conv(width, width, 3)]]
        elif kind in LENGTHS:
            chains = [[], separable_convs(spatial_dims, width, LENGTHS[kind])]
        else:
            raise ValueError(f"kind must be '35', '17' or '8', got {kind!r}")
        branches = [nn.Sequential(conv(channels, width, 1), *chain) for chain in chains]
        self.branches = Concatenation(*branches)
        self.conv = Conv[Conv.CONV, spatial_dims](len(branches) * width, channels, kernel_size=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Features of the shape of ``x`` (N, channels, *spatial)."""
        x = x + self.scale * self.conv(self.branches(x))
        return F.relu(x) if self.activation else x
