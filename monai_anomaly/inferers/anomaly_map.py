# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.networks.layers import GaussianFilter

from ..metrics.summed_difference import summed_difference
from ..utils import interior

__all__ = ["AnomalyMap"]


class AnomalyMap:
    """Anomaly map a = sum over the channels of |x - x0|, in units of the intensity range (thesis ch. 7, Algorithm 1).

    With ``weights`` w it is max(0, sum of w (x - x0)) instead: where it is known on which channels a lesion is brighter
    than healthy tissue, or darker, what a reconstruction gets wrong elsewhere, or in the other direction is none.

    Args:
        data_range: width of the intensity range that the images are scaled to (2 for [-1, 1]).
        smoothing: standard deviation in pixels of a Gaussian that the map is blurred with; 0, the thesis, for none.
        border: how many pixels deep the rim of the brain is left out of the map, with all outside of it; 0, the thesis,
            leaves nothing out. A pixel half inside the brain is as likely to come back as tissue as to come back as
            background, and the jump between the two outshines a lesion.
        background: value around the brain, for the border (see `interior`; 1 % of the range is tolerated); default:
            minus half of the range, the least value of a symmetric one.
        weights: w, one for each channel: above 0 where a lesion is brighter, below 0 where it is darker, 0 where
            neither is sure; None, the thesis: all channels, and both directions.

    Raises:
        ValueError: when the range is not positive, the smoothing or the border is negative, or all weights are 0.

    Example::

        image, reconstruction = 2 * torch.rand(2, 2, 4, 16, 16) - 1
        anomaly_map = AnomalyMap(data_range=2.0, smoothing=1.0)(image, reconstruction)  # (2, 1, 16, 16)
        brighter = AnomalyMap(weights=[0.0, 0.0, 1.0, 1.0])(image, reconstruction)  # on the last two channels
    """

    def __init__(
        self,
        data_range: float = 2.0,
        smoothing: float = 0.0,
        border: int = 0,
        background: float | None = None,
        weights: Sequence[float] | None = None,
    ) -> None:
        if not data_range > 0 or smoothing < 0 or border < 0:
            raise ValueError(
                f"expected data_range > 0, smoothing >= 0 and border >= 0, got {data_range}, {smoothing} and {border}"
            )
        if weights is not None and not any(weights):
            raise ValueError(f"expected a weight other than 0 of at least one channel, got {list(weights)}")
        self.data_range = data_range
        self.smoothing = smoothing
        self.border = border
        self.background = -data_range / 2 if background is None else background
        self.weights = None if weights is None else tuple(float(w) for w in weights)

    def __call__(self, image: torch.Tensor, reconstruction: torch.Tensor) -> torch.Tensor:
        """The map (N, 1, H, W) of images and their reconstructions (N, C, H, W), of any real type.

        Raises:
            DataError: when there are not as many weights as channels.
        """
        # a difference of bytes would start again at 0
        image, reconstruction = (v if v.is_floating_point() else v.float() for v in (image, reconstruction))
        anomaly_map = summed_difference(image - reconstruction, self.weights) / self.data_range
        if self.border > 0:
            exact = image.to(torch.promote_types(image.dtype, torch.float32))  # NumPy has no bfloat16
            inside = interior(exact.cpu().numpy(), self.border, self.background, 0.01 * self.data_range)
            anomaly_map = anomaly_map * torch.from_numpy(inside).to(anomaly_map)
        if self.smoothing > 0:
            blur = GaussianFilter(anomaly_map.ndim - 2, self.smoothing).to(anomaly_map.device)
            anomaly_map = blur(anomaly_map)
        return anomaly_map
