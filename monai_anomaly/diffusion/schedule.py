# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from typing import Any, TypeAlias

import torch

__all__ = ["Level", "NoiseSchedule", "coefficient"]

Level: TypeAlias = "int | float | torch.Tensor"


def coefficient(value: float | torch.Tensor, x: torch.Tensor) -> float | torch.Tensor:
    """A schedule's value, a number or one per sample, ready to multiply ``x`` (N, C, ...) in the precision of ``x``."""
    if not isinstance(value, torch.Tensor):
        return value
    return value.to(device=x.device, dtype=x.dtype).reshape(-1, *[1] * (x.ndim - 1))


class NoiseSchedule:
    """Variance-preserving noise schedule on the levels 0..T, in float64 and never changed after construction.

    Level 0 is the clean image (abar = 1), level ``l`` is the paper's step ``t = l`` and the published code's index ``l
    - 1``; level T + 1 stands for pure noise (abar = 0). A level may be an integer, a number between two levels (sigma
    is interpolated linearly), or a tensor of either, one per sample. Ho et al., DDPM (arXiv:2006.11239), eq. 4; thesis
    eq. 7.1.

    Args:
        num_train_timesteps: T.
        kind: ``"linear"`` (the thesis) or ``"cosine"`` (arXiv:2102.09672, eq. 17).
        beta_start: first beta of a linear schedule of 1000 steps. All betas are multiplied by 1000 / T, as in
            guided-diffusion, so that level T is nearly pure noise whatever T is.
        beta_end: last beta of a linear schedule of 1000 steps.

    Raises:
        ValueError: when ``kind`` is unknown, or a beta is not in (0, 1): T is too small for a linear schedule.

    Example::

        schedule, x0 = NoiseSchedule(1000, kind="cosine"), torch.rand(2, 1, 8, 8)
        x = schedule.add_noise(x0, torch.randn_like(x0), level=500)
        signal, spread = schedule.amplitudes(500, x)  # sqrt(abar), sqrt(1 - abar)
    """

    def __init__(
        self, num_train_timesteps: int = 1000, kind: str = "linear", beta_start: float = 1e-4, beta_end: float = 0.02
    ) -> None:
        T = num_train_timesteps
        # the default device may have no float64, or no values, as where a network is built on "meta"
        host: dict[str, Any] = {"dtype": torch.float64, "device": "cpu"}
        if kind == "linear":
            first, last = beta_start * 1000 / T, beta_end * 1000 / T
            if not (0 < first < 1 and 0 < last < 1):
                raise ValueError(f"betas must be in (0, 1), got {first:g} to {last:g} with num_train_timesteps={T}")
            betas = torch.linspace(first, last, T, **host)
        elif kind == "cosine":
            f = torch.cos((torch.arange(T + 1, **host) / T + 0.008) / 1.008 * math.pi / 2) ** 2
            betas = (1 - f[1:] / f[:-1]).clamp(max=0.999)
        else:
            raise ValueError(f"kind must be 'linear' or 'cosine', got {kind!r}")
        ends = torch.ones(1, **host), torch.zeros(1, **host)
        self.num_train_timesteps = T
        self.kind = kind
        self.beta_range = (beta_start, beta_end) if kind == "linear" else None
        self.alphas_cumprod = torch.cat([ends[0], torch.cumprod(1 - betas, 0), ends[1]])
        self._abar = self.alphas_cumprod.tolist()
        self._sigma = [math.sqrt((1 - a) / a) for a in self._abar[:-1]]
        self._device_tables: dict[torch.device, torch.Tensor] = {}

    def __str__(self) -> str:
        """In words: ``T = 1000, linear, betas 0.0001 to 0.02``."""
        betas = "" if self.beta_range is None else f", betas {self.beta_range[0]:g} to {self.beta_range[1]:g}"
        return f"T = {self.num_train_timesteps}, {self.kind}{betas}"

    def alpha_bar(self, level: Level) -> float | torch.Tensor:
        """abar at a level: a number for a number, a float64 tensor (N,) for a tensor (N,).

        Raises:
            ValueError: when a level is neither in 0..T nor T + 1. In a tensor on a GPU such a level gets NaN, since
                looking for it would hold up the GPU.
        """
        if isinstance(level, torch.Tensor):
            return self._alpha_bars(level)
        if level == self.num_train_timesteps + 1:
            return self._abar[-1]
        if float(level).is_integer():
            return self._abar[int(self.check_level(level))]
        return 1 / (1 + self.sigma(level) ** 2)

    def _alpha_bars(self, level: torch.Tensor) -> torch.Tensor:
        T = self.num_train_timesteps
        known = ((level >= 0) & (level <= T)) | (level == T + 1)
        if level.device.type == "cpu" and not bool(known.all()):
            raise ValueError(f"levels must be in 0..{T}, or {T + 1}, got {level[~known].tolist()}")
        if level.device not in self._device_tables:
            # made outside of inference mode: a training may use the table later
            with torch.inference_mode(False):
                self._device_tables[level.device] = self.alphas_cumprod.to(level.device)
        table = self._device_tables[level.device]
        below = level.long().clamp(0, T + 1)
        abar = table[below]
        if level.is_floating_point():
            low, high = (((1 - a) / a).sqrt() for a in (abar, table[(below + 1).clamp(max=T + 1)]))
            between = 1 / (1 + (low + (level - below) * (high - low)) ** 2)
            abar = torch.where(level == below, abar, between)
        return torch.where(known, abar, torch.nan)

    def amplitudes(self, level: Level, x: torch.Tensor) -> tuple[float | torch.Tensor, float | torch.Tensor]:
        """sqrt(abar) and sqrt(1 - abar), the amplitudes of image and noise, ready to multiply x (N, C, ...)."""
        a = self.alpha_bar(level)
        return coefficient(a**0.5, x), coefficient((1 - a) ** 0.5, x)

    def check_level(self, level: float, name: str = "level") -> float:
        """The level, if it is one that an image can be at.

        Raises:
            ValueError: when it is not in 0..T.
        """
        if not 0 <= level <= self.num_train_timesteps:
            raise ValueError(f"{name} must be in 0..{self.num_train_timesteps}, got {level}")
        return level

    def sigma(self, level: float) -> float:
        """Noise-to-signal ratio sqrt((1 - abar) / abar) at a level in [0, T]."""
        i = min(int(self.check_level(level)), self.num_train_timesteps - 1)
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
        """``parts + 1`` levels from ``level`` to ``target``, evenly spaced in sigma, both ends exact.

        Raises:
            ValueError: when there is less than one part.
        """
        if parts < 1:
            raise ValueError(f"parts must be at least 1, got {parts}")
        if parts == 1:
            return [level, target]
        start, stop = self.sigma(level), self.sigma(target)
        inner = [self.level_of_sigma(start + (stop - start) * k / parts) for k in range(1, parts)]
        return [level, *inner, target]

    def timesteps(self, level: Level, x: torch.Tensor) -> torch.Tensor:
        """What a network trained on the indices 0..T-1 is told at a level; (N,), the clean image is told index 0."""
        if not isinstance(level, torch.Tensor):
            level = torch.full((x.shape[0],), level, device=x.device)
        return (level.to(x.device) - 1).clamp(min=0)

    def add_noise(self, x0: torch.Tensor, noise: torch.Tensor, level: Level) -> torch.Tensor:
        """x_t = sqrt(abar) x0 + sqrt(1 - abar) noise; x0 and noise (N, C, ...)."""
        signal, spread = self.amplitudes(level, x0)
        return signal * x0 + spread * noise

    def posterior(self, level: Level, target: Level) -> tuple[float | torch.Tensor, ...]:
        """q(x_target | x_level, x0) for any target below level, so that strided sampling is right by construction.

        arXiv:2006.11239, eq. 7, with beta = 1 - abar_level / abar_target. The variance is zero in the step to the clean
        image; its logarithm is then that of the step before (the published code's clipped table), from pure noise if
        there is none.

        Returns:
            coefficient of x0, coefficient of x_level, log beta, clipped log variance.
        """
        T = self.num_train_timesteps
        a, b = self.alpha_bar(level), self.alpha_bar(target)
        variance: float | torch.Tensor
        beta = 1 - a / b
        to_x0, to_x = beta * b**0.5 / (1 - a), (1 - b) * (a / b) ** 0.5 / (1 - a)
        log_beta = _log(beta)
        if isinstance(level, torch.Tensor):
            before = self.alpha_bar(torch.where(2 * level <= T, 2 * level, T + 1))
            at_clean = (1 - before / a) * (1 - a) / (1 - before)
            clean = torch.as_tensor(target, device=level.device) == 0
            variance = torch.where(clean, at_clean, beta * (1 - b) / (1 - a))
        elif target == 0:
            before = self.alpha_bar(2 * level if 2 * level <= T else T + 1)
            variance = (1 - before / a) * (1 - a) / (1 - before)
        else:
            variance = beta * (1 - b) / (1 - a)
        return to_x0, to_x, log_beta, _log(variance)


def _log(value: float | torch.Tensor) -> float | torch.Tensor:
    return value.log() if isinstance(value, torch.Tensor) else math.log(value)
