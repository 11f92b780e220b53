# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from monai.networks.layers.factories import Conv, Norm, Pool
from torch import nn

from ..layers import he_initialization

__all__ = ["SegNet"]


def max_unpool(x: torch.Tensor, places: torch.Tensor, size: list[int]) -> torch.Tensor:
    """Features (N, C, ...) put back where max pooling took them from, in zeros of that size.

    As torch's ``max_unpool2d``, which TorchScript cannot compile.
    """
    zeros = torch.zeros(list(x.shape[:2]) + size, dtype=x.dtype, device=x.device)
    return zeros.flatten(2).scatter(2, places.flatten(2), x.flatten(2)).unflatten(2, size)


class SegNet(nn.Module):
    """SegNet: a VGG16 encoder and its mirror image, which puts features back where the pooling took them from.

    Every convolution but the last is followed by batch normalization and ReLU. The decoder has no skip connections: the
    places of the maxima are all it is told of the encoder's finer levels. The pooling keeps the last row and column of
    an odd size, as Caffe's does, so that any size of image goes in. With the default channels 29,443,585 parameters for
    3 input channels and 1 region. Source: Badrinarayanan et al. (https://arxiv.org/abs/1511.00561), section 3.

    With ``dropout`` (published: 0.5) it is Bayesian SegNet, Kendall et al. (https://arxiv.org/abs/1511.02680): single
    activations are dropped behind the pooling of an encoder level and behind the convolutions of a decoder level. The
    default levels are as published: encdrop3, 4, 5 and decdrop5, 4, 3 of ``Models/bayesian_segnet_train.prototxt`` in
    https://github.com/alexgkendall/SegNet-Tutorial. `DropoutEnsembleInferer` draws samples from it.

    Args:
        spatial_dims: 1, 2 or 3.
        in_channels: channels of the image.
        out_channels: channels of the output, logits; two per region for `AleatoricLoss`.
        channels: channels of each level.
        num_convs: convolutions of each level, of the encoder and of the decoder.
        dropout: probability that an activation is dropped; 0: no dropout layers.
        dropout_levels: levels with dropout, 0 is the finest; None: the deeper half, the middle one included.

    Raises:
        ValueError: when the levels disagree, a level has no convolution, or a dropout level does not exist.

    Example::

        network = SegNet(in_channels=4, channels=(4, 8), num_convs=(1, 1), dropout=0.5)  # Bayesian SegNet
        logits = network(torch.rand(2, 4, 15, 16))  # (2, 1, 15, 16)
    """

    def __init__(
        self,
        spatial_dims: int = 2,
        in_channels: int = 4,
        out_channels: int = 1,
        channels: Sequence[int] = (64, 128, 256, 512, 512),
        num_convs: Sequence[int] = (2, 2, 3, 3, 3),
        dropout: float = 0.0,
        dropout_levels: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        levels = len(channels)
        if len(num_convs) != levels:
            raise ValueError(f"{levels} levels in channels but {len(num_convs)} in num_convs")
        if min(num_convs) < 1:
            raise ValueError(f"every level needs a convolution, got num_convs {list(num_convs)}")
        dropped = set(range(levels // 2, levels) if dropout_levels is None else dropout_levels)
        if not dropped <= set(range(levels)):
            raise ValueError(f"dropout_levels must be in 0..{levels - 1}, got {sorted(dropped)}")

        def convs(widths: Sequence[int]) -> nn.Sequential:
            """Convolutions with these numbers of channels between them, each with its norm and activation."""
            layers: list[nn.Module] = []
            for inp, out in pairwise(widths):
                layers += [Conv[Conv.CONV, spatial_dims](inp, out, 3, padding=1)]
                layers += [Norm[Norm.BATCH, spatial_dims](out), nn.ReLU(inplace=True)]
            return nn.Sequential(*layers)

        def drop(level: int) -> nn.Module:
            return nn.Dropout(dropout) if dropout > 0 and level in dropped else nn.Identity()

        before = [in_channels, *channels[:-1]]
        encoder: list[nn.Module] = []
        encoder_dropout: list[nn.Module] = []
        decoder: list[nn.Module] = []
        for level, (width, depth) in enumerate(zip(channels, num_convs, strict=True)):
            encoder.append(convs([before[level], *[width] * depth]))
            encoder_dropout.append(drop(level))
            # the mirror image; the finest level's last convolution is the classifier
            mirrored = convs([width] * depth + ([before[level]] if level else []))
            decoder.insert(0, nn.Sequential(mirrored, drop(level)))
        self.encoder, self.encoder_dropout = nn.ModuleList(encoder), nn.ModuleList(encoder_dropout)
        self.decoder = nn.ModuleList(decoder)  # coarsest level first
        self.pool = Pool[Pool.MAX, spatial_dims](2, ceil_mode=True, return_indices=True)
        self.classifier = Conv[Conv.CONV, spatial_dims](channels[0], out_channels, 3, padding=1)
        self.apply(he_initialization)  # as in the paper, section 3.2

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (N, out_channels, *spatial) of images (N, in_channels, *spatial) of any size."""
        places: list[torch.Tensor] = []
        sizes: list[list[int]] = []
        for convs, dropout in zip(self.encoder, self.encoder_dropout):  # noqa: B905 (TorchScript has no strict)
            x = convs(x)
            sizes.append(list(x.shape[2:]))
            x, indices = self.pool(x)
            places.append(indices)
            x = dropout(x)
        for convs in self.decoder:
            x = convs(max_unpool(x, places.pop(), sizes.pop()))
        return self.classifier(x)
