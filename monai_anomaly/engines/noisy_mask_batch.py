# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import torch

from ..diffusion import NoiseSchedule, NoisyImages, Parametrization, RandomNoising
from .mask_recycling import MaskRecycling
from .target_batch import TargetPrepareBatch

__all__ = ["NoisyMaskPrepareBatch"]


class NoisyMaskPrepareBatch(TargetPrepareBatch):
    """Noise the masks of a batch to random levels and put the images before them, for networks that learn to denoise
    masks (thesis ch. 5, eq. 6).

    Args:
        schedule: the noise schedule; None: linear, T = 1000.
        mask_range: values that background and lesion, 0 and 1 in the mask, are diffused as; (0, 1) in the published
            code. The farther apart, the less a level hides.
        level_power: see `RandomNoising`.
        max_level: highest level drawn; None: T.
        seed: None draws from torch's global generator (training); a number makes levels and noise the same for every
            batch alone, so that a validation loss is comparable between epochs.
        mask_key: entry of the mask.
        recycling: gives masks that are noised in place of the true ones, which remain the target; None: the true ones
            are noised.

    Raises:
        ValueError: when the highest level is not a level of the schedule.

    Example::

        batch = {"image": torch.rand(2, 4, 8, 8), "mask": torch.zeros(2, 1, 8, 8)}
        inputs, target, _, arguments = NoisyMaskPrepareBatch()(batch)
        assert inputs.shape == (2, 5, 8, 8) and torch.equal(inputs[:, 4:], target.x)
    """

    def __init__(
        self,
        schedule: NoiseSchedule | None = None,
        mask_range: tuple[float, float] = (-1.0, 1.0),
        level_power: float = 1.0,
        max_level: int | None = None,
        seed: int | None = None,
        mask_key: str = "mask",
        recycling: MaskRecycling | None = None,
    ) -> None:
        super().__init__(mask_key)
        self.schedule = schedule or NoiseSchedule()
        self.low, self.high = (float(v) for v in mask_range)
        self.noising = RandomNoising(self.schedule, level_power)
        self.max_level = self.noising.check_level("max_level", max_level)
        self.seed = seed
        self.recycling = recycling

    def __call__(  # type: ignore[override]
        self,
        batchdata: dict[str, torch.Tensor],
        device: str | torch.device | None = None,
        non_blocking: bool = False,
        **kwargs: Any,
    ) -> tuple[torch.Tensor, NoisyImages, tuple, dict[str, torch.Tensor]]:
        """Images with noisy masks behind them (N, C + K, H, W), the loss' target, and the noise levels.

        Args:
            batchdata: ``image`` (N, C, H, W) and the mask (N, K, H, W), 0 or 1.
            device: where to put them.
            non_blocking: see `torch.Tensor.to`.
            kwargs: passed to `torch.Tensor.to`.
        """
        image, mask = super().__call__(batchdata, device, non_blocking, **kwargs)
        x0 = self.low + (self.high - self.low) * mask.to(image)
        generator = None if self.seed is None else torch.Generator().manual_seed(self.seed)
        noisy = self.noising(x0, self.max_level, generator)
        if self.recycling is not None:
            first = torch.randn(x0.shape, generator=generator).to(x0)
            noisy = self._recycled(noisy, self.recycling(image, x0, first, (self.low, self.high)))
        timesteps = self.schedule.timesteps(noisy.level, noisy.x)
        return torch.cat([image, noisy.x], dim=1), noisy, (), {"timesteps": timesteps}

    def _recycled(self, noisy: NoisyImages, mask: torch.Tensor) -> NoisyImages:
        """Another mask, noised as the true one was: its noise is what the truth lacks of it."""
        x = self.schedule.add_noise(mask, noisy.noise, noisy.level)
        noise = Parametrization(self.schedule).noise_in(x, noisy.x0, noisy.level)
        return NoisyImages(noisy.x0, noise, x, noisy.level)
