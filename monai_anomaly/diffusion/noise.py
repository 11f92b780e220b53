# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

__all__ = ["Noise", "NoiseSource", "SeededNoise"]

Noise = Callable[[torch.Tensor], torch.Tensor]
"""Draws standard normal noise shaped as its argument (N, C, ...), on its device and of its type."""

NoiseSource = Callable[[Sequence[int]], Noise]
"""From the numbers of the samples of a batch, seeds for example, to their noise."""


class SeededNoise:
    """Standard normal noise from one generator per sample, so that a result does not depend on its batch.

    Args:
        seeds: one seed per sample of the batch, e.g. of `hashed_seed`: neighboring numbers belong to another run.

    Raises:
        ValueError: when a seed is not in 0 .. 2^32 - 1: of a larger one torch's generator keeps the lowest 32 bits.

    Example::

        noise = SeededNoise([0, 1, 2])
        eps = noise(torch.empty(3, 1, 8, 8))
        assert torch.equal(eps[1:2], SeededNoise([1])(eps[1:2]))
    """

    def __init__(self, seeds: Sequence[int]) -> None:
        for seed in seeds:
            if not 0 <= seed < 2**32:
                raise ValueError(f"seeds must be in 0..{2**32 - 1}, got {seed}")
        self._generators = [torch.Generator().manual_seed(int(s)) for s in seeds]

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Noise shaped as x (N, C, ...), on its device and of its type; drawn on the CPU, the same on every device.

        Raises:
            ValueError: when the batch has another size than there are seeds.
        """
        if len(x) != len(self._generators):
            raise ValueError(f"{len(self._generators)} seeds, but a batch of {len(x)}")
        return torch.stack([torch.randn(x.shape[1:], generator=g) for g in self._generators]).to(x)
