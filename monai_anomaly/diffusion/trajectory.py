# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import torch

__all__ = ["Trajectory"]


class Trajectory:
    """What an encoding leaves behind for its exact inversion: its grid, and one image-sized tensor per interval.

    On interval k, from level l_k up to l_(k+1), the encoding moves along a slope that it knows from l_k; the decoding
    can only evaluate eps at l_(k+1). The record keeps the difference, slope_k - eps_(k+1), with the eps that the
    encoding's own denoiser gives at l_(k+1): known anyway for its next interval, and evaluated once more at the top. So
    what the decoding's denoiser predicts otherwise, e.g. for another label, acts on every interval.

    Example::

        denoiser, x = Denoiser(lambda x, timesteps: x, NoiseSchedule()), torch.rand(2, 1, 8, 8)
        record = Trajectory()
        latent = solve(denoiser, x, uniform_grid(500, 10), record=record)
        torch.testing.assert_close(solve_back(denoiser, latent, record), x)
    """

    def __init__(self) -> None:
        self._levels: list[float] = []
        self._corrections: list[torch.Tensor] = []
        self._slope: torch.Tensor | None = None

    @property
    def grid(self) -> tuple[float, ...]:
        """The increasing levels of the encoding."""
        return tuple(self._levels)

    def __len__(self) -> int:
        return len(self._corrections)

    def append(self, level: float, eps: torch.Tensor, slope: torch.Tensor | None = None) -> None:
        """Add a level, where the denoiser says ``eps`` and which is left along ``slope``; both (N, C, ...).

        Args:
            level: where the encoding is.
            eps: of the encoding's denoiser there.
            slope: None at the last level.

        Raises:
            ValueError: when the last level was added before.
        """
        if self._levels and self._slope is None:
            raise ValueError(f"this record holds an encoding to level {self._levels[-1]}: take a new one")
        if self._slope is not None:
            self._corrections.append(self._slope - eps)
        self._levels.append(level)
        self._slope = slope

    def correction(self, interval: int) -> torch.Tensor:
        """The tensor (N, C, ...) kept for an interval, counted from the clean image."""
        return self._corrections[interval]
