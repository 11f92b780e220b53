# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import torch
from monai.networks.blocks import Convolution
from monai.networks.layers.factories import Pool
from monai.networks.nets.diffusion_model_unet import zero_module
from torch import nn

__all__ = ["ScaleShiftResBlock"]


class ScaleShiftResBlock(nn.Module):
    """Residual block that the noise level modulates by a scale and a shift of the normalized features (FiLM).

    ``h = conv1(resample(SiLU(norm1(x))))``, then ``h = norm2(h) * (1 + scale) + shift`` with (scale, shift) from the
    embedding, then ``conv2(SiLU(h))``, which starts at zero. MONAI's ``DiffusionUNetResnetBlock`` adds the embedding
    instead. Parameters bear the names of MONAI's block. Source: Dhariwal & Nichol, "Diffusion Models Beat GANs on Image
    Synthesis" (https://arxiv.org/abs/2105.05233), section 3.1, adaptive group normalization.

    Args:
        spatial_dims: 1, 2 or 3.
        in_channels: channels of the input.
        embedding_channels: channels of the embedding.
        out_channels: channels of the output; default: those of the input.
        down: halve the size of both branches (mean of 2 x 2) before the first convolution.
        up: double the size of both branches (nearest neighbor) before the first convolution.
        norm_num_groups: groups of the group normalizations.
        norm_eps: their epsilon; 1e-5 in the published weights.

    Raises:
        ValueError: if both ``up`` and ``down`` are asked for.
    """

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int,
        embedding_channels: int,
        out_channels: int | None = None,
        down: bool = False,
        up: bool = False,
        norm_num_groups: int = 32,
        norm_eps: float = 1e-5,
    ) -> None:
        super().__init__()
        if up and down:
            raise ValueError("a residual block can go up or down, not both")
        out_channels = out_channels or in_channels

        def convolution(channels: int, kernel_size: int) -> nn.Module:
            return Convolution(spatial_dims, channels, out_channels, kernel_size=kernel_size, conv_only=True)

        self.nonlinearity = nn.SiLU()
        self.norm1 = nn.GroupNorm(norm_num_groups, in_channels, eps=norm_eps)
        self.resample: nn.Module = nn.Identity()
        if down:
            self.resample = Pool[Pool.AVG, spatial_dims](kernel_size=2)
        elif up:
            self.resample = nn.Upsample(scale_factor=2, mode="nearest")
        self.conv1 = convolution(in_channels, 3)
        self.time_emb_proj = nn.Linear(embedding_channels, 2 * out_channels)
        self.norm2 = nn.GroupNorm(norm_num_groups, out_channels, eps=norm_eps)
        self.conv2 = zero_module(convolution(out_channels, 3))
        self.skip_connection = nn.Identity() if out_channels == in_channels else convolution(in_channels, 1)

    def forward(self, x: torch.Tensor, emb: torch.Tensor) -> torch.Tensor:
        """Apply the block.

        Args:
            x: features (N, C, *spatial).
            emb: embedding (N, E).

        Returns:
            Features (N, C_out, *spatial), the size halved or doubled where asked for.
        """
        h = self.conv1(self.resample(self.nonlinearity(self.norm1(x))))
        modulation = self.time_emb_proj(self.nonlinearity(emb))
        scale, shift = modulation.reshape(*modulation.shape, *(1,) * (x.ndim - 2)).chunk(2, dim=1)
        h = self.norm2(h) * (1 + scale) + shift
        return self.skip_connection(self.resample(x)) + self.conv2(self.nonlinearity(h))
