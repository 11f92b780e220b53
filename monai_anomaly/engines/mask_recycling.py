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
    Medical Image Segmentation with Diffusion Denoising Models", MELBA 2023:016). No gradient goes through it: it takes
    the time of a forward pass, 40 % of an iteration, times the share of the batch that is recycled.

    Args:
        network: called as ``network(cat([image, mask]), timesteps=t)``.
        schedule: the noise schedule; None: linear, T = 1000.
        prediction: what the network predicts, see `Denoiser`.
        autocast: see `autocast_dtype`.
        share: of each batch, its first masks, at least one; a batch is in random order.

    Raises:
        ValueError: when the share is not in (0, 1].

    Example::

        unet = DiffusionModelUNet(2, 4 + 1, 1, 1, (8, 8), (False, False), norm_num_groups=8)
        recycling = MaskRecycling(MaskDiffusionNet(unet), prediction="sample")
        mask = torch.rand(2, 1, 16, 16).round()
        recycling(torch.rand(2, 4, 16, 16), mask, torch.randn(2, 1, 16, 16), (0.0, 1.0))  # masks as they are predicted
    """

    def __init__(
        self,
        network: Any,
        schedule: NoiseSchedule | None = None,
        prediction: str = "sample",
        autocast: str | None = None,
        share: float = 1.0,
    ) -> None:
        if not 0 < share <= 1:
            raise ValueError(f"share must be in (0, 1], got {share}")
        self.network = network
        self.schedule = schedule or NoiseSchedule()
        self.prediction = prediction
        self.autocast = autocast
        self.share = share

    @torch.no_grad()
    def __call__(
        self, image: torch.Tensor, mask: torch.Tensor, noise: torch.Tensor, mask_range: tuple[float, float]
    ) -> torch.Tensor:
        """Masks (N, K, H, W), of which the share is predicted from noise at the highest level.

        Args:
            image: the images (N, C, H, W).
            mask: the true masks (N, K, H, W), in their range.
            noise: standard normal, of that shape.
            mask_range: values of background and lesion.
        """
        count = max(1, round(self.share * len(image)))
        denoiser = Denoiser(
            self.network,
            self.schedule,
            condition=image[:count],
            clip=mask_range,
            prediction=self.prediction,
            autocast=autocast_dtype(self.autocast, image.device),
        )
        first = denoiser(noise[:count], self.schedule.num_train_timesteps).x0
        return torch.cat([first, mask[count:]])
