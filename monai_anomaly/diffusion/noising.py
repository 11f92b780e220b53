# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch

from .schedule import NoiseSchedule

__all__ = ["NoisyImages", "RandomNoising"]


@dataclass(frozen=True, eq=False)
class NoisyImages:
    """A batch that was noised: what went in, what came out, and what a network is to learn from it.

    Args:
        x0: clean images (N, C, ...).
        noise: what was added, standard normal, of the same shape.
        x: noisy images, of the same shape.
        level: noise level of each (N,), see `NoiseSchedule`.
        targets: what task networks are to learn of each, entry of the batch -> (N, ...), e.g. ``label`` -> (N,).

    Example::

        x0, noise, level = torch.rand(2, 1, 8, 8), torch.randn(2, 1, 8, 8), torch.tensor([10, 900])
        noisy = NoisyImages(x0, noise, NoiseSchedule().add_noise(x0, noise, level), level)
        assert len(noisy) == 2
    """

    x0: torch.Tensor
    noise: torch.Tensor
    x: torch.Tensor
    level: torch.Tensor
    targets: Mapping[str, torch.Tensor] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.level)


class RandomNoising:
    """Noise images to random levels.

    Args:
        schedule: the noise schedule.
        level_power: levels are drawn as u^power, u uniform; 1 is the thesis, more favors low noise.

    Example::

        noisy = RandomNoising(NoiseSchedule())(torch.rand(4, 1, 8, 8), max_level=500, generator=None)
        assert noisy.x.shape == noisy.noise.shape and noisy.level.max() <= 500
    """

    def __init__(self, schedule: NoiseSchedule, level_power: float = 1.0) -> None:
        self.schedule = schedule
        self.level_power = level_power

    def __call__(self, x0: torch.Tensor, max_level: int, generator: torch.Generator | None) -> NoisyImages:
        """Draw a level in 1..``max_level`` and noise for each image.

        Args:
            x0: the clean images (N, C, ...).
            max_level: highest level drawn.
            generator: None: torch's global one (training); else levels are spread evenly over the range (validation).
        """
        if generator is None:
            share = torch.rand(len(x0))
        else:  # validation: the same levels in every batch, so they cover the range evenly
            share = (torch.randperm(len(x0), generator=generator) + 0.5) / len(x0)
        level = (1 + (share**self.level_power * max_level).long()).clamp(max=max_level).to(x0.device)
        noise = torch.randn(x0.shape, generator=generator).to(x0)  # drawn on the CPU: the same on every device
        return NoisyImages(x0, noise, self.schedule.add_noise(x0, noise, level), level)

    def check_level(self, name: str, level: int | None) -> int:
        """A highest level, T for None.

        Raises:
            ValueError: when it is not a level of the schedule.
        """
        steps = self.schedule.num_train_timesteps
        if level is not None and not 1 <= level <= steps:
            raise ValueError(f"{name} must be in 1..{steps}, got {level}")
        return steps if level is None else level
