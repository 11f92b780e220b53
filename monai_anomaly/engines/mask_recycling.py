# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import torch

from ..diffusion import Denoiser, NoiseSchedule
from ..utils import autocast_dtype

__all__ = ["MaskRecycling"]


class MaskRecycling:
    """What a network in training makes of pure noise, to be noised in place of the true mask.

    A truth that is only partly hidden tells the network where the lesion is; in sampling there is none. With a first
    prediction in its place every level is trained on what it will see (Fu et al., "A Recycling Training Strategy for
    Medical Image Segmentation with Diffusion Denoising Models", MELBA 2023:016). No gradient goes through it, so an
    iteration takes about a third longer.

    Args:
        network: called as ``network(cat([image, mask]), timesteps=t)``.
        schedule: the noise schedule; None: linear, T = 1000.
        prediction: what the network predicts, see `Denoiser`.
        autocast: see `autocast_dtype`.

    Example::

        unet = DiffusionModelUNet(2, 4 + 1, 1, 1, (8, 8), (False, False), norm_num_groups=8)
        recycling = MaskRecycling(MaskDiffusionNet(unet), prediction="sample")
        recycling(torch.rand(2, 4, 16, 16), torch.randn(2, 1, 16, 16), (-1.0, 1.0))  # (2, 1, 16, 16)
    """

    def __init__(
        self,
        network: Any,
        schedule: NoiseSchedule | None = None,
        prediction: str = "sample",
        autocast: str | None = None,
    ) -> None:
        self.network = network
        self.schedule = schedule or NoiseSchedule()
        self.prediction = prediction
        self.autocast = autocast

    @torch.no_grad()
    def __call__(self, image: torch.Tensor, noise: torch.Tensor, mask_range: tuple[float, float]) -> torch.Tensor:
        """Masks (N, K, H, W) in their range, predicted from noise of that shape at the highest level.

        Args:
            image: the images (N, C, H, W).
            noise: standard normal.
            mask_range: values of background and lesion.
        """
        denoiser = Denoiser(
            self.network,
            self.schedule,
            condition=image,
            clip=mask_range,
            prediction=self.prediction,
            autocast=autocast_dtype(self.autocast, image.device),
        )
        return denoiser(noise, self.schedule.num_train_timesteps).x0
