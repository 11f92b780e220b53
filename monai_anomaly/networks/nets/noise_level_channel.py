# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import torch
from torch import nn

__all__ = ["NoiseLevelChannel"]


class NoiseLevelChannel(nn.Module):
    """Make any network from image to image a denoiser: it sees the noise level as one more channel, the last.

    That channel is constant over the image, from -1 (no noise) to 1. So a network that segments well, e.g. MONAI's
    ``DynUNet``, can be the diffusion network of a `MaskDiffusionNet`. Source: Zhang et al., "FFDNet: Toward a Fast and
    Flexible Solution for CNN-Based Image Denoising" (https://arxiv.org/abs/1710.04026), section III.

    Args:
        network: called as ``network(x)``, with one input channel more than what it denoises and is given beside it.
        num_train_timesteps: T, the levels of the schedule.

    Raises:
        ValueError: when there are fewer than two levels.

    Example::

        unet = DynUNet(2, 6, 1, [3, 3, 3], strides=[1, 2, 2], upsample_kernel_size=[2, 2])
        network = MaskDiffusionNet(NoiseLevelChannel(unet), prediction="sample", bounded=True)
        mask = network(torch.rand(2, 5, 16, 16), torch.tensor([3, 800]))  # four channels of MR, and a noisy mask
    """

    def __init__(self, network: nn.Module, num_train_timesteps: int = 1000) -> None:
        super().__init__()
        if num_train_timesteps < 2:
            raise ValueError(f"num_train_timesteps must be at least 2, got {num_train_timesteps}")
        self.network = network
        self.num_train_timesteps = num_train_timesteps

    def forward(self, x: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        """The network's output for images (N, C, *spatial) at 0-based noise levels (N,)."""
        level = 2 * timesteps.float() / (self.num_train_timesteps - 1) - 1  # bfloat16 cannot count to 1000
        plane = level.to(x.dtype).reshape(-1, *[1] * (x.ndim - 1)).expand_as(x[:, :1])
        output: torch.Tensor = self.network(torch.cat([x, plane], dim=1))
        return output
