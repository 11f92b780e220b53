# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.networks.blocks import Convolution, SpatialAttentionBlock
from monai.networks.nets.diffusion_model_unet import get_timestep_embedding, zero_module
from monai.utils import ensure_tuple_rep
from torch import nn

from ..blocks.attention_pool import AttentionPool2d
from ..blocks.pool_head import GlobalPoolHead, LocalPoolHead
from ..blocks.scale_shift_res_block import ScaleShiftResBlock

__all__ = ["NoiseConditionedEncoder"]


class _Level(nn.Module):
    """Residual blocks at one resolution, each followed by attention where the level has it, then a halving block."""

    def __init__(self, resnets: list[nn.Module], attentions: list[nn.Module], downsampler: nn.Module | None) -> None:
        super().__init__()
        self.resnets = nn.ModuleList(resnets)
        self.attentions = nn.ModuleList(attentions)
        self.downsampler = downsampler

    def forward(self, h: torch.Tensor, emb: torch.Tensor) -> torch.Tensor:
        for i, resnet in enumerate(self.resnets):
            h = resnet(h, emb)
            if len(self.attentions):
                h = self.attentions[i](h)
        return h if self.downsampler is None else self.downsampler(h, emb)


class NoiseConditionedEncoder(nn.Module):
    """Classifier or regressor that sees an image at any noise level: the guide of classifier-guided diffusion.

    The downward half of guided-diffusion's UNet (residual blocks with scale and shift, halving residual blocks,
    attention, middle block) and a pooling head. MONAI's ``DiffusionModelEncoder`` is another network. With the defaults
    and input size 256: 5,452,962 parameters for 4 channels and 2 classes, 5,452,833 for 4 channels and a scalar.
    Sources: Dhariwal & Nichol (https://arxiv.org/abs/2105.05233), section 4; Wolleb et al., "Diffusion Models for
    Medical Anomaly Detection" (https://arxiv.org/abs/2203.04306).

    The head (``pool``) is one of

    - ``"attention"``: :class:`~monai_anomaly.networks.blocks.AttentionPool2d`, as in the papers; 2D only;
    - ``"adaptive"``: :class:`~monai_anomaly.networks.blocks.GlobalPoolHead`, mean over locations;
    - ``"local"``: :class:`~monai_anomaly.networks.blocks.LocalPoolHead`, smooth maximum of local outputs, the default
      of the bundle ``diffanomaly``.

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels of the image.
        out_channels: classes, or 1 for a regressor.
        channels: channels of each level; multiples of ``norm_num_groups``.
        num_res_blocks: residual blocks per level, one number or one for each level.
        attention_levels: whether a level has attention; the middle block always has.
        num_head_channels: channels of an attention head; must divide the channels of every level with attention and
            of the last level.
        norm_num_groups: groups of the group normalizations.
        norm_eps: their epsilon.
        pool: the head, see above.
        input_size: image size, one number or one per axis, that the positional embedding of the attention pool is
            stored for; other sizes work too.

    Raises:
        ValueError: if the lengths of the levels disagree, a head size does not fit, the pool is unknown, or the
            attention pool is asked for in 3D.

    Example::

        network = NoiseConditionedEncoder(
            in_channels=4, out_channels=2, channels=(8, 16), attention_levels=(False, True), num_head_channels=8,
            norm_num_groups=8, pool="local",
        )
        logits = network(torch.rand(2, 4, 32, 32), torch.tensor([3, 800]))  # (2, 2)
    """

    def __init__(
        self,
        spatial_dims: int = 2,
        in_channels: int = 4,
        out_channels: int = 2,
        channels: Sequence[int] = (32, 32, 64, 64, 128, 128),
        num_res_blocks: Sequence[int] | int = 4,
        attention_levels: Sequence[bool] = (False, False, False, True, True, True),
        num_head_channels: int = 64,
        norm_num_groups: int = 32,
        norm_eps: float = 1e-5,
        pool: str = "attention",
        input_size: Sequence[int] | int = 256,
    ) -> None:
        super().__init__()
        blocks = ensure_tuple_rep(num_res_blocks, len(channels))
        if len(attention_levels) != len(channels):
            raise ValueError(f"{len(channels)} levels in channels but {len(attention_levels)} in attention_levels")
        self.spatial_dims = spatial_dims
        self.stride = 2 ** (len(channels) - 1)
        self.embedding_channels = channels[0]
        hidden = 4 * channels[0]

        def resnet(inp: int, out: int, down: bool = False) -> ScaleShiftResBlock:
            return ScaleShiftResBlock(
                spatial_dims, inp, hidden, out, down=down, norm_num_groups=norm_num_groups, norm_eps=norm_eps
            )

        def attention(width: int) -> SpatialAttentionBlock:
            block = SpatialAttentionBlock(spatial_dims, width, num_head_channels, norm_num_groups, norm_eps)
            zero_module(block.attn.out_proj)  # like every residual branch, the block starts as the identity
            return block

        self.time_embed = nn.Sequential(nn.Linear(channels[0], hidden), nn.SiLU(), nn.Linear(hidden, hidden))
        self.conv_in = Convolution(spatial_dims, in_channels, channels[0], kernel_size=3, conv_only=True)
        levels = []
        before = channels[0]
        for i, (width, depth, attend) in enumerate(zip(channels, blocks, attention_levels, strict=True)):
            resnets: list[nn.Module] = [resnet(before if j == 0 else width, width) for j in range(depth)]
            attentions: list[nn.Module] = [attention(width) for _ in range(depth)] if attend else []
            levels.append(_Level(resnets, attentions, resnet(width, width, True) if i < len(channels) - 1 else None))
            before = width
        self.down_blocks = nn.ModuleList(levels)
        self.middle_block = nn.ModuleDict(
            {"resnet_1": resnet(before, before), "attention": attention(before), "resnet_2": resnet(before, before)}
        )
        self.out_norm = nn.Sequential(nn.GroupNorm(norm_num_groups, before, eps=norm_eps), nn.SiLU())
        self.pool: nn.Module
        if pool == "attention":
            if spatial_dims != 2:
                raise ValueError(f"the attention pool is 2D; take pool='adaptive' for {spatial_dims}D")
            grid = [size // self.stride for size in ensure_tuple_rep(input_size, 2)]
            self.pool = AttentionPool2d(before, out_channels, grid, num_head_channels)
        elif pool == "adaptive":
            self.pool = GlobalPoolHead(spatial_dims, before, out_channels)
        elif pool == "local":
            self.pool = LocalPoolHead(spatial_dims, before, out_channels)
        else:
            raise ValueError(f"pool must be 'attention', 'adaptive' or 'local', got {pool!r}")

    def forward(self, x: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        """Classify or regress noisy images.

        Args:
            x: images (N, C, *spatial); each size a multiple of 2 ** (levels - 1), not necessarily square.
            timesteps: noise levels (N,), counted as the diffusion network counts them (0-based); fractions are fine.

        Returns:
            Logits or scalars (N, out_channels).

        Raises:
            ValueError: if a size is no multiple of 2 ** (levels - 1).
        """
        if not torch.jit.is_tracing() and any(size % self.stride for size in x.shape[2:]):
            raise ValueError(f"image sizes must be multiples of {self.stride}, got {tuple(x.shape[2:])}")
        emb = self.time_embed(get_timestep_embedding(timesteps, self.embedding_channels).to(x.dtype))
        h = self.conv_in(x)
        for level in self.down_blocks:
            h = level(h, emb)
        h = self.middle_block["resnet_1"](h, emb)
        h = self.middle_block["attention"](h)
        h = self.middle_block["resnet_2"](h, emb)
        return self.pool(self.out_norm(h))
