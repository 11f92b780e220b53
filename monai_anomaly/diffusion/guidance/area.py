# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from ...utils import DataError
from .checks import brain_of
from .regression import RegressionGuidance

__all__ = ["AreaGuidance"]


class AreaGuidance(RegressionGuidance):
    """Toward a relative area as a segmenter sees it: the sum of its probabilities over the brain's area.

    As `RegressionGuidance` without a regressor of its own; `bind` needs the clean images, whose pixels above the
    background are the brain. The network is called as ``network(x, timesteps=t)`` and returns logits (N, K, ...): the
    sigmoid of one channel, or of several all but the first of the softmax, is counted.

    Args:
        target: the area wanted, a fraction of the brain's in [0, 1], one for all or a tensor (N,).
        scale: see `Guidance`.
        interval: see `Guidance`.
        task: name of the segmenter.
        direction: see `RegressionGuidance`.
        factor: see `RegressionGuidance`.
        background: value around the brain; a pixel with any channel above it is brain.

    Raises:
        ValueError: when bound without images; also see `RegressionGuidance`.
        DataError: when bound, with a target outside of [0, 1] or an image that is all background.

    Example::

        def segmenter(x, timesteps):
            return 10 * x - 5

        guide = AreaGuidance(factor=2.0, scale=100.0, background=0.0)
        guide = guide.bind(segmenter, NoiseSchedule(), image=torch.rand(2, 1, 8, 8))  # twice as large
        term = guide(torch.rand(2, 1, 8, 8), 300)
    """

    def __init__(
        self,
        target: float | torch.Tensor | None = None,
        scale: float | torch.Tensor = 1.0,
        interval: Sequence[float] = (0.0, math.inf),
        task: str = "segmenter",
        *,
        direction: int | None = None,
        factor: float | None = None,
        background: float = -1.0,
    ) -> None:
        super().__init__(target, scale, interval, task, direction=direction, factor=factor)
        self.background = background

    def prepare(self) -> None:
        """Count the pixels of the brains."""
        self.brain = brain_of(self.image, self.background).flatten(1).sum(1)
        super().prepare()
        if (
            self.factor is None
            and self.target is not None
            and not bool(((self.target >= 0) & (self.target <= 1)).all())
        ):
            raise DataError(f"expected areas that are a fraction in 0..1, found {self.target.flatten().tolist()[:3]}")

    def predict(self, x: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        """Area of what the segmenter sees in x (N, C, ...) over the brain's; (N,)."""
        logits = self.network(x, timesteps=timesteps)
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
        lesion = logits.sigmoid() if logits.shape[1] == 1 else logits.softmax(1)[:, 1:]
        return lesion.flatten(1).sum(1) / self.brain.to(lesion)
