# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Noise that was recorded, for an inferer that is to repeat a run of other code."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from monai_anomaly.diffusion import Noise, NoiseSource


def recorded(*draws: torch.Tensor) -> NoiseSource:
    """A source of these draws, one after the other, whatever the seeds; another draw is an error."""
    left = iter(draws)

    def source(seeds: Sequence[int]) -> Noise:
        return lambda x: next(left).expand_as(x).to(x)

    return source
