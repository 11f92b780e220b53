# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from ...utils import DataError
from .checks import brain_of
from .regression import RegressionGuidance

__all__ = ["IntensityGuidance"]


class IntensityGuidance(RegressionGuidance):
    """Toward a mean intensity of one channel in the brain.

    As `RegressionGuidance`, with arithmetic in place of a network: the mean of x_t over the brain, divided by
    sqrt(abar_t), is that of the clean image but for the mean of the noise, which goes to 0 with the level. The pull
    at a pixel is 1 / pixels of the brain, so the scale is of the order of their number. `bind` needs the clean images,
    whose pixels above the background are the brain, and no network.

    Args:
        target: the mean wanted, one for all or a tensor (N,); it may also come with `bind`.
        scale: see `Guidance`.
        interval: see `Guidance`.
        channel: which one.
        direction: see `RegressionGuidance`.
        shift: in place of a target: by how much the mean of the clean image is to change.
        background: value around the brain; a pixel with any channel above it is brain.

    Raises:
        ValueError: when bound without images; also see `RegressionGuidance`.
        DataError: when bound, with images that have no such channel, or of which one is all background.

    Example::

        guide = IntensityGuidance(shift=0.1, scale=100.0, background=0.0)
        guide = guide.bind(None, NoiseSchedule(), image=torch.rand(2, 1, 8, 8))  # brighter by 0.1
        term = guide(torch.rand(2, 1, 8, 8), 300)
    """

    def __init__(
        self,
        target: float | torch.Tensor | None = None,
        scale: float | torch.Tensor = 1.0,
        interval: Sequence[float] = (0.0, math.inf),
        *,
        channel: int = 0,
        direction: int | None = None,
        shift: float | None = None,
        background: float = -1.0,
    ) -> None:
        super().__init__(target, scale, interval, None, direction=direction, shift=shift)
        self.channel = channel
        self.background = background

    def prepare(self) -> None:
        """Find the brains."""
        self.brain = brain_of(self.image, self.background)
        if self.image is not None and not 0 <= self.channel < self.image.shape[1]:
            raise DataError(f"expected images with a channel {self.channel}, found {self.image.shape[1]} channel(s)")
        super().prepare()

    def predict(self, x: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        """Mean of the channel of x (N, C, ...) in the brain, as of a clean image; (N,)."""
        level = torch.where(timesteps > 0, timesteps + 1, 0)  # the clean image is told index 0
        amplitude = torch.as_tensor(self._schedule().alpha_bar(level)).to(x).sqrt()
        channel = x[:, self.channel].to(torch.promote_types(x.dtype, torch.float32))
        return (channel * self.brain).flatten(1).sum(1) / self.brain.flatten(1).sum(1) / amplitude
