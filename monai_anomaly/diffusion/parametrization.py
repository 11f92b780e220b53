# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import torch

from .schedule import Level, NoiseSchedule, coefficient

__all__ = ["PREDICTIONS", "Parametrization"]

PREDICTIONS = ("epsilon", "sample", "v_prediction")


class Parametrization:
    """What a diffusion network predicts: the noise, the clean image, or v = sqrt(abar) eps - sqrt(1 - abar) x0.

    Args:
        schedule: the noise schedule.
        prediction: ``"epsilon"`` (arXiv:2006.11239), ``"sample"`` (x0) or ``"v_prediction"`` (arXiv:2202.00512).

    Raises:
        ValueError: when the prediction is unknown.

    Example::

        schedule, x0, noise = NoiseSchedule(), torch.rand(2, 1, 8, 8), torch.randn(2, 1, 8, 8)
        v = Parametrization(schedule, "v_prediction")
        eps, clean = v.read(schedule.add_noise(x0, noise, 500), v.target(x0, noise, 500), 500)
        torch.testing.assert_close(clean, x0)
    """

    def __init__(self, schedule: NoiseSchedule, prediction: str = "epsilon") -> None:
        if prediction not in PREDICTIONS:
            raise ValueError(f"prediction must be 'epsilon', 'sample' or 'v_prediction', got {prediction!r}")
        self.schedule = schedule
        self.prediction = prediction

    def target(self, x0: torch.Tensor, noise: torch.Tensor, level: Level) -> torch.Tensor:
        """What the network should predict for the clean image x0 with this noise, (N, C, ...)."""
        if self.prediction == "epsilon":
            return noise
        if self.prediction == "sample":
            return x0
        signal, spread = self.schedule.amplitudes(level, x0)
        return signal * noise - spread * x0

    def read(self, x: torch.Tensor, output: torch.Tensor, level: Level) -> tuple[torch.Tensor, torch.Tensor]:
        """Noise and clean image (N, C, ...) that the output for the noisy image x stands for.

        Below level 1 the network is told level 1 (`NoiseSchedule.timesteps`), so its output is read as of level 1.
        """
        if self.prediction == "epsilon":
            a = self.schedule.alpha_bar(_told(level))
            return output, coefficient(a**-0.5, x) * x - coefficient(((1 - a) / a) ** 0.5, x) * output
        if self.prediction == "sample":
            return self.noise_in(x, output, level), output
        signal, spread = self.schedule.amplitudes(_told(level), x)
        return signal * output + spread * x, signal * x - spread * output

    def noise_in(self, x: torch.Tensor, x0: torch.Tensor, level: Level) -> torch.Tensor:
        """The noise in x if x0 is its clean image; below level 1 as of level 1."""
        signal, spread = self.schedule.amplitudes(_told(level), x)
        return (x - signal * x0) / spread


def _told(level: Level) -> Level:
    """The level that the network is told."""
    return level.clamp(min=1) if isinstance(level, torch.Tensor) else max(level, 1)
