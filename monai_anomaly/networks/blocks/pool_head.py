# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

import torch
from monai.networks.layers.factories import Conv
from monai.networks.nets.diffusion_model_unet import zero_module
from torch import nn

__all__ = ["GlobalPoolHead", "LocalPoolHead"]


class _PoolHead(nn.Module):
    """A 1 x 1 convolution that starts at zero, and a pooling over all locations; takes any image size."""

    def __init__(self, spatial_dims: int, channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = zero_module(Conv[Conv.CONV, spatial_dims](channels, out_channels, kernel_size=1))


class GlobalPoolHead(_PoolHead):
    """Average the features over all locations, then a 1 x 1 convolution to the outputs.

    The "adaptive" pool of guided-diffusion; takes any image size. The convolution starts at zero.

    Args:
        spatial_dims: 1, 2 or 3.
        channels: channels of the feature map.
        out_channels: length of the output.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Pool (N, C, *spatial) to (N, out_channels)."""
        spatial = tuple(range(2, x.ndim))
        return self.conv(x.mean(dim=spatial, keepdim=True)).flatten(1)


class LocalPoolHead(_PoolHead):
    """Outputs at every location by a 1 x 1 convolution, pooled by the logarithm of the mean of the exponentials.

    ``out_k = log mean_p exp(z_k(p))``, a smooth maximum (multiple-instance pooling): a small lesion moves the output
    although it fills few locations, and the gradient goes to the locations that carry the evidence. A plain mean of
    local outputs would be :class:`GlobalPoolHead` again, as both are linear. Hence the convolution does not start at
    zero: there all locations weigh alike, the head is a mean, and training rests on a plateau for hundreds of
    iterations. The default of the bundle ``diffanomaly``; the papers use :class:`AttentionPool2d`. Source: Pinheiro &
    Collobert, "From Image-level to Pixel-level Labeling" (https://arxiv.org/abs/1411.6228), eq. 6.

    Args:
        spatial_dims: 1, 2 or 3.
        channels: channels of the feature map.
        out_channels: length of the output.
    """

    def __init__(self, spatial_dims: int, channels: int, out_channels: int) -> None:
        super().__init__(spatial_dims, channels, out_channels)
        nn.init.normal_(self.conv.get_parameter("weight"), std=0.3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Pool (N, C, *spatial) to (N, out_channels)."""
        outputs = self.conv(x).flatten(2)
        return outputs.logsumexp(dim=-1) - math.log(outputs.shape[-1])
