# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import torch
from monai.networks.layers import GaussianFilter
from monai.networks.layers.factories import Pool

__all__ = ["AnomalyMap"]


class AnomalyMap:
    """Anomaly map a = sum over the channels of |x - x0|, in units of the intensity range (thesis ch. 7, Algorithm 1).

    Args:
        data_range: width of the intensity range that the images are scaled to (2 for [-1, 1]).
        smoothing: standard deviation in pixels of a Gaussian that the map is blurred with; 0, the thesis, for none.
        border: how many pixels deep the rim of the brain is left out of the map; 0, the thesis, for none. A pixel half
            inside the brain is as likely to come back as tissue as to come back as background, and the jump between
            the two outshines a lesion.
        background: where all channels are at most this value, and 1 % of the range more, there is no brain.
    """

    def __init__(
        self, data_range: float = 2.0, smoothing: float = 0.0, border: int = 0, background: float = -1.0
    ) -> None:
        self.data_range = data_range
        self.smoothing = smoothing
        self.border = border
        self.background = background

    def __call__(self, image: torch.Tensor, healthy: torch.Tensor) -> torch.Tensor:
        """The map (N, 1, H, W) of images and their healthy reconstructions (N, C, H, W)."""
        score = (image - healthy).abs().sum(1, keepdim=True) / self.data_range
        if self.border > 0:
            score = score * self.interior(image)
        if self.smoothing > 0:
            score = GaussianFilter(score.ndim - 2, self.smoothing).to(score.device)(score)
        return score

    def interior(self, image: torch.Tensor) -> torch.Tensor:
        """1 inside of the brain and at least ``border`` pixels away from the background, else 0: (N, 1, H, W)."""
        outside = (image <= self.background + 0.01 * self.data_range).all(dim=1, keepdim=True).to(image.dtype)
        pool = Pool[Pool.MAX, image.ndim - 2](kernel_size=2 * self.border + 1, stride=1, padding=self.border)
        return 1 - pool(outside)
