# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import torch
from monai.networks.layers import GaussianFilter

__all__ = ["AnomalyMap"]


class AnomalyMap:
    """Anomaly map a = sum over the channels of |x - x0|, in units of the intensity range (thesis ch. 7, Algorithm 1).

    Args:
        data_range: width of the intensity range that the images are scaled to (2 for [-1, 1]).
        smoothing: standard deviation in pixels of a Gaussian that the map is blurred with; 0, the thesis, for none.
    """

    def __init__(self, data_range: float = 2.0, smoothing: float = 0.0) -> None:
        self.data_range = data_range
        self.smoothing = smoothing

    def __call__(self, image: torch.Tensor, healthy: torch.Tensor) -> torch.Tensor:
        """The map (N, 1, H, W) of images and their healthy reconstructions (N, C, H, W)."""
        score = (image - healthy).abs().sum(1, keepdim=True) / self.data_range
        if self.smoothing > 0:
            score = GaussianFilter(score.ndim - 2, self.smoothing).to(score.device)(score)
        return score
