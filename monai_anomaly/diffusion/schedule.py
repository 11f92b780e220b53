# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from typing import Any, TypeAlias

import torch

__all__ = ["Level", "NoiseSchedule", "coefficient"]

Level: TypeAlias = "int | float | torch.Tensor"


def coefficient(value: float | torch.Tensor, x: torch.Tensor) -> float | torch.Tensor:
    """Make a schedule's value, a number or one entry a sample, multiply ``x`` (N, C, ...) in the precision of ``x``."""
    if not isinstance(value, torch.Tensor):
        return value
    return value.to(device=x.device, dtype=x.dtype).reshape(-1, *[1] * (x.ndim - 1))


class NoiseSchedule:
    """Variance-preserving noise schedule on the levels 0..T, in float64 and never changed after construction.

    Level 0 is the clean image (abar = 1), level ``l`` is the paper's step ``t = l`` and the published code's index ``l
    - 1``; level T + 1 stands for pure noise (abar = 0). A level may be an integer, a number between two levels (sigma
    is interpolated linearly), or a tensor of integers, one a sample. Ho et al., DDPM (arXiv:2006.11239), eq. 4; thesis
    eq. 7.1.

    Args:
        num_train_timesteps: T.
        kind: ``"linear"`` (betas from ``beta_start`` to ``beta_end``, the thesis) or ``"cosine"`` (arXiv:2102.09672,
            eq. 17).
        beta_start: first beta of the linear schedule.
        beta_end: last beta of the linear schedule.

    Raises:
        ValueError: when ``kind`` is unknown.
    """

    def __init__(
        self, num_train_timesteps: int = 1000, kind: str = "linear", beta_start: float = 1e-4, beta_end: float = 0.02
    ) -> None:
        T = num_train_timesteps
        # the default device may have no float64, or no values, as where a network is built on "meta"
        host: dict[str, Any] = {"dtype": torch.float64, "device": "cpu"}
        if kind == "linear":
            betas = torch.linspace(beta_start, beta_end, T, **host)
        elif kind == "cosine":
            f = torch.cos((torch.arange(T + 1, **host) / T + 0.008) / 1.008 * math.pi / 2) ** 2
            betas = (1 - f[1:] / f[:-1]).clamp(max=0.999)
        else:
            raise ValueError(f"kind must be 'linear' or 'cosine', got {kind!r}")
        ends = torch.ones(1, **host), torch.zeros(1, **host)
        self.num_train_timesteps = T
        self.alphas_cumprod = torch.cat([ends[0], torch.cumprod(1 - betas, 0), ends[1]])
        self._abar = self.alphas_cumprod.tolist()
        self._sigma = [math.sqrt((1 - a) / a) for a in self._abar[:-1]]
        self._device_tables: dict[torch.device, torch.Tensor] = {}

    def alpha_bar(self, level: Level) -> float | torch.Tensor:
        """abar at a level: a number for a number, a float64 tensor (N,) for a tensor of integer levels (N,)."""
        if isinstance(level, torch.Tensor):
            if level.device not in self._device_tables:
                self._device_tables[level.device] = self.alphas_cumprod.to(level.device)
            return self._device_tables[level.device][level.long()]
        if float(level).is_integer():
            return self._abar[int(level)]
        return 1 / (1 + self.sigma(level) ** 2)

    def sigma(self, level: float) -> float:
        """Noise-to-signal ratio sqrt((1 - abar) / abar) at a level in [0, T]."""
        i = min(int(level), self.num_train_timesteps - 1)
        low, high = self._sigma[i], self._sigma[i + 1]
        return low + (level - i) * (high - low)

    def level_of_sigma(self, sigma: float) -> float:
        """The (fractional) level whose noise-to-signal ratio is ``sigma``: the inverse of ``sigma``."""
        low, high = 0, self.num_train_timesteps
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._sigma[middle] <= sigma else (low, middle)
        return low + (sigma - self._sigma[low]) / (self._sigma[high] - self._sigma[low])

    def subdivide(self, level: float, target: float, parts: int) -> list[float]:
        """``parts + 1`` levels from ``level`` to ``target``, evenly spaced in sigma, both ends exact."""
        if parts == 1:
            return [level, target]
        start, stop = self.sigma(level), self.sigma(target)
        inner = [self.level_of_sigma(start + (stop - start) * k / parts) for k in range(1, parts)]
        return [level, *inner, target]

    def timesteps(self, level: Level, x: torch.Tensor) -> torch.Tensor:
        """What a network trained on the indices 0..T-1 is told at a level; (N,), the clean image is told index 0."""
        if not isinstance(level, torch.Tensor):
            level = torch.full((len(x),), level, device=x.device)
        return (level.to(x.device) - 1).clamp(min=0)

    def add_noise(self, x0: torch.Tensor, noise: torch.Tensor, level: Level) -> torch.Tensor:
        """x_t = sqrt(abar) x0 + sqrt(1 - abar) noise; x0 and noise (N, C, ...)."""
        a = self.alpha_bar(level)
        return coefficient(a**0.5, x0) * x0 + coefficient((1 - a) ** 0.5, x0) * noise

    def posterior(self, level: Level, target: Level) -> tuple[float | torch.Tensor, ...]:
        """q(x_target | x_level, x0) for any target below level, so that strided sampling is right by construction.

        arXiv:2006.11239, eq. 7, with beta = 1 - abar_level / abar_target. The variance is zero in the step to the clean
        image; its logarithm is then that of the step before (the published code's clipped table), from pure noise if
        there is none.

        Returns:
            coefficient of x0, coefficient of x_level, log beta, clipped log variance.
        """
        a, b = self.alpha_bar(level), self.alpha_bar(target)
        variance: float | torch.Tensor
        beta = 1 - a / b
        to_x0, to_x = beta * b**0.5 / (1 - a), (1 - b) * (a / b) ** 0.5 / (1 - a)
        log_beta = _log(beta)
        if isinstance(level, torch.Tensor):
            before = self.alpha_bar((2 * level).clamp(max=self.num_train_timesteps + 1))
            at_clean = (1 - before / a) * (1 - a) / (1 - before)
            clean = torch.as_tensor(target, device=level.device) == 0
            variance = torch.where(clean, at_clean, beta * (1 - b) / (1 - a))
        elif target == 0:
            before = self.alpha_bar(min(2 * level, self.num_train_timesteps + 1))
            variance = (1 - before / a) * (1 - a) / (1 - before)
        else:
            variance = beta * (1 - b) / (1 - a)
        return to_x0, to_x, log_beta, _log(variance)


def _log(value: float | torch.Tensor) -> float | torch.Tensor:
    return value.log() if isinstance(value, torch.Tensor) else math.log(value)
