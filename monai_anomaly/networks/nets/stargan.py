# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from monai.networks.blocks import Convolution
from monai.networks.layers import SkipConnection
from monai.networks.layers.utils import get_act_layer
from monai.utils import ensure_tuple_rep
from torch import nn

from ..layers import append_label_planes

__all__ = ["StarGANDiscriminator", "StarGANGenerator"]


class StarGANGenerator(nn.Module):
    """StarGAN's generator: an image and planes of the target class in, the image of that class out.

    A 7-convolution, halvings by 4-convolutions of stride 2, residual blocks, as many doublings by transposed
    4-convolutions, a 7-convolution; instance normalization with weights and ReLU between them, no skip connections.
    Source: Choi et al. (https://arxiv.org/abs/1711.09020) and their ``model.py``. Their instance normalization also
    keeps running statistics, which nothing uses, as their network never leaves training mode; here there are none.

    With ``activation=None`` it is the network of Fixed-Point GAN (Siddiquee et al., https://arxiv.org/abs/1908.06965),
    which predicts a change: see `AdditiveGenerator`, or a displacement and a change: `DeformingGenerator`.

    Args:
        spatial_dims: 1, 2 or 3.
        in_channels: channels of the image.
        num_classes: number of classes; 0: the network is told none, as in `CycleGANGenerator`.
        channels: channels at full size; each halving doubles them.
        num_downs: halvings; the size of the image must be divisible by 2^num_downs.
        num_blocks: residual blocks at the coarsest size.
        activation: of the output, a name of MONAI's ``Act``; None: none.
        out_channels: channels of the result; None: those of the image.

    Example::

        generator = StarGANGenerator(channels=4, num_blocks=1)
        healthy = generator(torch.rand(2, 1, 16, 16), torch.tensor([0, 0]))
    """

    def __init__(
        self,
        spatial_dims: int = 2,
        in_channels: int = 1,
        num_classes: int = 2,
        channels: int = 64,
        num_downs: int = 2,
        num_blocks: int = 6,
        activation: str | None = "tanh",
        out_channels: int | None = None,
    ) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.divisor = 2**num_downs
        widths = [channels * 2**level for level in range(num_downs + 1)]

        def conv(inp: int, out: int, kernel: int, relu: bool = True, stride: int = 1, up: bool = False) -> Convolution:
            return Convolution(
                spatial_dims,
                inp,
                out,
                strides=stride,
                kernel_size=kernel,
                act=("relu", {"inplace": True}) if relu else None,
                norm=("instance", {"affine": True}),
                bias=False,
                is_transposed=up,
                padding=(kernel - 1) // 2,
                output_padding=0 if up else None,
            )

        def block(width: int) -> SkipConnection:
            return SkipConnection(nn.Sequential(conv(width, width, 3), conv(width, width, 3, relu=False)), mode="add")

        layers: list[nn.Module] = [conv(in_channels + num_classes, channels, 7)]
        layers += [conv(width, 2 * width, 4, stride=2) for width in widths[:-1]]
        layers += [block(widths[-1]) for _ in range(num_blocks)]
        layers += [conv(2 * width, width, 4, stride=2, up=True) for width in reversed(widths[:-1])]
        made = in_channels if out_channels is None else out_channels
        layers += [Convolution(spatial_dims, channels, made, kernel_size=7, bias=False, conv_only=True)]
        if activation is not None:
            layers += [get_act_layer(activation)]
        self.main = nn.Sequential(*layers)

    def forward(self, x: torch.Tensor, target: torch.Tensor | None = None) -> torch.Tensor:
        """Images (N, C, ...) as images of the target class, of the same shape.

        Args:
            x: (N, C, ...).
            target: class of each (N,); not used where there are no classes.

        Raises:
            ValueError: when a size is not divisible by 2^num_downs.
        """
        for size in x.shape[2:]:
            if size % self.divisor:
                raise ValueError(f"image size must be divisible by {self.divisor}, got {list(x.shape[2:])}")
        return self.main(x if target is None else append_label_planes(x, target, self.num_classes))


class StarGANDiscriminator(nn.Module):
    """StarGAN's discriminator: a PatchGAN critic and a classifier on the same features.

    4-convolutions of stride 2 with leaky ReLU (0.01), each doubling the channels, then two heads: a 3-convolution to
    the critic's map, and the logits. Source: Choi et al. (https://arxiv.org/abs/1711.09020) and their ``model.py``.

    The published class head is one convolution over the whole map, hence only for images of one size. With
    ``input_size`` it is here too, and equal to the published one at that size; a larger image gives several windows,
    whose logits are averaged. Without it the kernel is one location: the logits of the mean features, for any size.

    Args:
        spatial_dims: 1, 2 or 3.
        in_channels: channels of the image.
        num_classes: number of classes.
        channels: channels of the first convolution.
        num_layers: number of convolutions; images have at least 2^num_layers pixels per axis.
        input_size: size of the images that the class head covers with its kernel; None: any size.

    Raises:
        ValueError: when ``input_size`` is smaller than 2^num_layers.

    Example::

        critic = StarGANDiscriminator(input_size=16, channels=4, num_layers=2)
        judged, logits = critic(torch.rand(2, 1, 16, 16), torch.tensor([0, 1]))
    """

    def __init__(
        self,
        spatial_dims: int = 2,
        in_channels: int = 1,
        num_classes: int = 2,
        channels: int = 64,
        num_layers: int = 6,
        input_size: Sequence[int] | int | None = None,
    ) -> None:
        super().__init__()
        smallest = 2**num_layers
        sizes = ensure_tuple_rep(smallest if input_size is None else input_size, spatial_dims)
        kernel = [size // smallest for size in sizes]
        if min(kernel) < 1:
            raise ValueError(f"input_size must be at least 2^num_layers = {smallest}, got {input_size}")
        self.smallest = [size * smallest for size in kernel]
        widths = [in_channels] + [channels * 2**level for level in range(num_layers)]
        self.main = nn.Sequential(
            *(
                Convolution(
                    spatial_dims,
                    inp,
                    out,
                    strides=2,
                    kernel_size=4,
                    act=("leakyrelu", {"negative_slope": 0.01, "inplace": True}),
                    norm=None,
                    padding=1,
                )
                for inp, out in pairwise(widths)
            )
        )
        self.critic = Convolution(spatial_dims, widths[-1], 1, kernel_size=3, bias=False, conv_only=True)
        self.classifier = Convolution(
            spatial_dims, widths[-1], num_classes, kernel_size=kernel, bias=False, conv_only=True, padding=0
        )

    def forward(self, x: torch.Tensor, target: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """The critic's map (N, 1, ...) at 1/2^num_layers of the size, and logits (N, num_classes).

        Args:
            x: images (N, C, ...).
            target: ignored: the critic is the same for every class.

        Raises:
            ValueError: when an image is smaller than the class head's kernel.
        """
        features = self._features(x)
        return self.critic(features), self._logits(features)

    def classify(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (N, num_classes) of images (N, C, ...)."""
        return self._logits(self._features(x))

    def _features(self, x: torch.Tensor) -> torch.Tensor:
        for size, smallest in zip(x.shape[2:], self.smallest):  # noqa: B905 (TorchScript has no strict)
            if size < smallest:
                raise ValueError(f"expected images of at least {self.smallest} pixels, got {list(x.shape[2:])}")
        return self.main(x)

    def _logits(self, features: torch.Tensor) -> torch.Tensor:
        return self.classifier(features).flatten(2).mean(2)
