# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import torch

__all__ = ["Trajectory"]


class Trajectory:
    """What an encoding leaves behind for its exact inversion: one image-sized tensor an interval.

    On interval k, from level l_k up to l_(k+1), the encoding moves along a slope that it knows from l_k; the decoding
    can only evaluate eps at l_(k+1). The record keeps the difference, slope_k - eps_(k+1), where eps_(k+1) is computed
    by the encoding anyway for its next interval. At the top no eps was computed: there the slope itself is kept.
    """

    def __init__(self) -> None:
        self._corrections: list[torch.Tensor] = []
        self._last_slope: torch.Tensor | None = None

    def append(self, eps: torch.Tensor, slope: torch.Tensor) -> None:
        """Add an interval that starts with ``eps`` and moves along ``slope``; both (N, C, ...)."""
        if self._last_slope is not None:
            self._corrections.append(self._last_slope - eps)
        self._last_slope = slope

    def __len__(self) -> int:
        return len(self._corrections) + (self._last_slope is not None)

    def needs_eps(self, interval: int) -> bool:
        """Whether the slope of an interval is eps plus the correction (else it is the correction)."""
        return interval < len(self._corrections)

    def correction(self, interval: int) -> torch.Tensor:
        """The tensor (N, C, ...) kept for an interval, counted from the clean image."""
        if self.needs_eps(interval):
            return self._corrections[interval]
        if self._last_slope is None or interval >= len(self):
            raise IndexError(f"interval {interval} of a record of {len(self)}")
        return self._last_slope
