# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn

__all__ = ["AttentionPool2d"]


class AttentionPool2d(nn.Module):
    """Pool a 2D feature map into one vector: the mean token attends to itself and to every location.

    The tokens are [mean | locations] plus a learned positional embedding; the output of token 0 is projected. The
    embedding belongs to one grid; for an image of another size it is resized bicubically, so that a network trained at
    256 x 256 also takes 224 x 224. At its own grid it equals guided-diffusion's layer of this name.
    Source: Radford et al., "Learning Transferable Visual Models From Natural Language Supervision"
    (https://arxiv.org/abs/2103.00020), section 2.4; used by Dhariwal & Nichol (https://arxiv.org/abs/2105.05233).

    Args:
        channels: channels of the feature map.
        out_channels: length of the output.
        grid_size: height and width of the feature map that the positional embedding is stored for.
        num_head_channels: channels of an attention head.

    Raises:
        ValueError: if ``channels`` is no multiple of ``num_head_channels``.
    """

    def __init__(self, channels: int, out_channels: int, grid_size: Sequence[int], num_head_channels: int = 64) -> None:
        super().__init__()
        if channels % num_head_channels:
            raise ValueError(f"channels ({channels}) must be a multiple of num_head_channels ({num_head_channels})")
        height, width = grid_size
        self.grid_size = (int(height), int(width))
        self.num_heads = channels // num_head_channels
        self.positional_embedding = nn.Parameter(torch.randn(channels, height * width + 1) / channels**0.5)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.out_proj = nn.Linear(channels, out_channels)

    def _positions(self, height: int, width: int) -> torch.Tensor:
        """Positional embedding (tokens, C) for a grid; the mean token's entry has no place and stays as it is."""
        # while tracing the sizes are symbols: always resize (an identity at the own grid), so that any size works
        if not torch.jit.is_tracing() and (height, width) == self.grid_size:
            return self.positional_embedding.t()
        mean, locations = self.positional_embedding[:, :1], self.positional_embedding[:, 1:]
        locations = locations.reshape(1, -1, *self.grid_size)
        locations = F.interpolate(locations, size=(height, width), mode="bicubic", align_corners=False)
        return torch.cat([mean, locations.flatten(2)[0]], dim=1).t()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Pool (N, C, H, W) to (N, out_channels)."""
        tokens = x.flatten(2).transpose(1, 2)
        tokens = torch.cat([tokens.mean(dim=1, keepdim=True), tokens], dim=1)
        tokens = tokens + self._positions(x.shape[2], x.shape[3]).to(tokens.dtype)
        q, k, v = self.qkv(tokens).chunk(3, dim=-1)  # q, k, v before heads: not the order of the attention blocks
        q, k, v = (a.unflatten(-1, (self.num_heads, -1)).transpose(1, 2) for a in (q[:, :1], k, v))
        # written out, as the fused kernels have no second derivative
        weights = (q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5).softmax(dim=-1)
        return self.out_proj((weights @ v).transpose(1, 2).flatten(1))
