# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import torch
from monai.networks.layers import GaussianFilter

from ..utils import interior

__all__ = ["AnomalyMap"]


class AnomalyMap:
    """Anomaly map a = sum over the channels of |x - x0|, in units of the intensity range (thesis ch. 7, Algorithm 1).

    Args:
        data_range: width of the intensity range that the images are scaled to (2 for [-1, 1]).
        smoothing: standard deviation in pixels of a Gaussian that the map is blurred with; 0, the thesis, for none.
        border: how many pixels deep the rim of the brain is left out of the map, with all outside of it; 0, the thesis,
            leaves nothing out. A pixel half inside the brain is as likely to come back as tissue as to come back as
            background, and the jump between the two outshines a lesion.
        background: value around the brain, for the border (see `interior`; 1 % of the range is tolerated); default:
            minus half of the range, the least value of a symmetric one.

    Raises:
        ValueError: when the range is not positive, or the smoothing or the border is negative.

    Example::

        image, reconstruction = 2 * torch.rand(2, 2, 4, 16, 16) - 1
        anomaly_map = AnomalyMap(data_range=2.0, smoothing=1.0)(image, reconstruction)  # (2, 1, 16, 16)
    """

    def __init__(
        self, data_range: float = 2.0, smoothing: float = 0.0, border: int = 0, background: float | None = None
    ) -> None:
        if not data_range > 0 or smoothing < 0 or border < 0:
            raise ValueError(
                f"expected data_range > 0, smoothing >= 0 and border >= 0, got {data_range}, {smoothing} and {border}"
            )
        self.data_range = data_range
        self.smoothing = smoothing
        self.border = border
        self.background = -data_range / 2 if background is None else background

    def __call__(self, image: torch.Tensor, reconstruction: torch.Tensor) -> torch.Tensor:
        """The map (N, 1, H, W) of images and their reconstructions (N, C, H, W), of any real type."""
        # a difference of bytes would start again at 0
        image, reconstruction = (v if v.is_floating_point() else v.float() for v in (image, reconstruction))
        anomaly_map = (image - reconstruction).abs().sum(1, keepdim=True) / self.data_range
        if self.border > 0:
            inside = interior(image.cpu().numpy(), self.border, self.background, 0.01 * self.data_range)
            anomaly_map = anomaly_map * torch.from_numpy(inside).to(anomaly_map)
        if self.smoothing > 0:
            blur = GaussianFilter(anomaly_map.ndim - 2, self.smoothing).to(anomaly_map.device)
            anomaly_map = blur(anomaly_map)
        return anomaly_map
