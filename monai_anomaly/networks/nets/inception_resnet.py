# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from monai.networks.layers.factories import Pool
from torch import nn

from ..blocks.feature_stack import FeatureStack
from ..blocks.inception import Concatenation, InceptionResBlock, normalized_conv

__all__ = ["InceptionResNetV1"]

STRIDES = (2, 1, 2, 1, 2, 2, 2)
"""Of the layers of kernel size 3 that shrink the map where nothing is padded."""


class InceptionResNetV1(nn.Module):
    """Inception-ResNet-v1 for volumes or images, with instance normalization: the encoder of thesis ch. 9.

    The trunk is that of FaceNet's implementations: Szegedy et al. (https://arxiv.org/abs/1602.07261), section 3.2, with
    other numbers of channels. In 3D the kernels 1 x 7 and 7 x 1 become three, one along each axis, and 1 x 3 and 3 x 1
    likewise. Behind it the mean over all locations and two linear layers. The thesis gives the number of all
    parameters, 36,431,842 with the classifier and the centers of `LatentCenterClassifier`; the defaults have it (the
    trunk: 34,465,120), but other heads would as well.

    An instance normalization takes the mean and the variance over the locations of a map, so that one location is not
    enough: without padding, every axis must have 75 voxels and one of them 107; with padding one must have 33. An
    image of 124 x 120 x 172 voxels has 1792 features at 2 x 2 x 4 locations.

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels of the image.
        out_channels: length m of the output.
        width: factor of all channels of the trunk, which are rounded up to multiples of 4.
        blocks: numbers of residual blocks at each of the three resolutions; one more, without ReLU, is always the last.
        hidden: channels between the two linear layers.
        padding: pad the convolutions and poolings of the stem and of the reductions too, so that an axis shrinks by 32
            and no more: for small volumes.
        batch_norm: normalize the output over the batch, without weights, as FaceNet does.

    Raises:
        ValueError: when the dimensions are not 2 or 3, or ``blocks`` are not three numbers, or a size is not positive.

    Example::

        network = InceptionResNetV1(out_channels=16, width=0.125, blocks=(1, 1, 1), hidden=32, padding=True)
        latent = network(torch.rand(2, 1, 40, 48, 40))  # (2, 16)
        features = network.features(torch.rand(2, 1, 40, 48, 40))  # (2, 224, 2, 2, 2)
    """

    def __init__(
        self,
        spatial_dims: int = 3,
        in_channels: int = 1,
        out_channels: int = 128,
        width: float = 1.0,
        blocks: Sequence[int] = (5, 10, 5),
        hidden: int = 1024,
        padding: bool = False,
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        if spatial_dims not in (2, 3):
            raise ValueError(f"spatial_dims must be 2 or 3, got {spatial_dims}")
        if len(blocks) != 3 or min(blocks) < 0:
            raise ValueError(f"blocks must be three numbers, 0 or more, got {list(blocks)}")
        if not width > 0 or min(in_channels, out_channels, hidden) < 1:
            raise ValueError(
                "width, in_channels, out_channels and hidden must be positive, "
                f"got {width}, {in_channels}, {out_channels} and {hidden}"
            )
        self.spatial_dims = spatial_dims
        self.padding = padding
        self.width = width

        conv = partial(normalized_conv, spatial_dims)
        block = partial(InceptionResBlock, spatial_dims)

        def wide(channels: int) -> int:
            return 4 * max(1, -int(-channels * width // 4))

        def reduction(inp: int, out: int) -> nn.Module:
            return conv(inp, out, 3, stride=2, padding=padding)

        def pool() -> nn.Module:
            return Pool[Pool.MAX, spatial_dims](3, stride=2, padding=int(padding))

        c32, c64, c80, c128, c192, c256, c384 = (wide(channels) for channels in (32, 64, 80, 128, 192, 256, 384))
        stem = (
            reduction(in_channels, c32),
            conv(c32, c32, 3, padding=padding),
            conv(c32, c64, 3),
            pool(),
            conv(c64, c80, 1),
            conv(c80, c192, 3, padding=padding),
            reduction(c192, c256),
        )
        reduction_a = Concatenation(
            reduction(c256, c384),
            nn.Sequential(conv(c256, c192, 1), conv(c192, c192, 3), reduction(c192, c256)),
            pool(),
        )
        middle = c384 + c256 + c256
        reduction_b = Concatenation(
            nn.Sequential(conv(middle, c256, 1), reduction(c256, c384)),
            nn.Sequential(conv(middle, c256, 1), reduction(c256, c256)),
            nn.Sequential(conv(middle, c256, 1), conv(c256, c256, 3), reduction(c256, c256)),
            pool(),
        )
        last = c384 + c256 + c256 + middle
        self.features = FeatureStack(
            *stem,
            *(block(c256, c32, "35", scale=0.17) for _ in range(blocks[0])),
            reduction_a,
            *(block(middle, c128, "17", scale=0.10) for _ in range(blocks[1])),
            reduction_b,
            *(block(last, c192, "8", scale=0.20) for _ in range(blocks[2])),
            block(last, c192, "8", scale=1.0, activation=False),
        )
        self.head = nn.Sequential(
            nn.Linear(last, hidden, bias=False),
            nn.Linear(hidden, out_channels),
            nn.BatchNorm1d(out_channels, affine=False) if batch_norm else nn.Identity(),
        )

    def smallest_size(self, locations: int = 1) -> int:
        """Voxels that an axis needs so that the map of features has a number of locations along it."""
        size = locations
        for stride in reversed(STRIDES):
            size = (size - 1) * stride + (1 if self.padding else 3)
        return size

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Vectors (N, out_channels), of any length, of images (N, in_channels, *spatial).

        Raises:
            ValueError: when the image is too small.
        """
        if not torch.jit.is_tracing():
            self._check_size(x.shape)
        return self.head(self.features(x).flatten(2).mean(dim=2))

    def _check_size(self, shape: Sequence[int]) -> None:
        least, one = self.smallest_size(), self.smallest_size(2)
        size = list(shape[2:])
        if len(size) != self.spatial_dims:
            raise ValueError(f"expected images of {self.spatial_dims} axes (N, C, ...), found the shape {list(shape)}")
        if min(size) < least or max(size) < one:
            raise ValueError(
                f"expected images of at least {least} voxels along every axis and {one} along one, found {size}"
                + ("" if self.padding else "; padding=True takes smaller ones")
            )
