# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""A tiny diffusion network with a classifier, and a translation by them."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from monai_anomaly.inferers import HealthyTranslationInferer

CHANNELS = 2


class TinyDenoiser(nn.Module):
    """Noise, and variance, of a noisy image: a convolution that knows the noise level and the class."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(CHANNELS, 2 * CHANNELS, 3, padding=1)
        self.calls = 0

    def forward(
        self, x: torch.Tensor, timesteps: torch.Tensor, class_labels: torch.Tensor | None = None
    ) -> torch.Tensor:
        self.calls += 1
        shift = timesteps / 1000 + (0 if class_labels is None else 0.1 * class_labels)
        return torch.tanh(self.conv(x) + shift[:, None, None, None])


class TinyClassifier(nn.Module):
    """Two logits of a noisy image."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(CHANNELS, 2, 3, padding=1)
        self.calls = 0

    def forward(self, x: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return torch.tanh(self.conv(x)).sum((2, 3)) / 8 * (1 - timesteps[:, None] / 2000)


class TinyNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.diffusion = TinyDenoiser()
        self.classifier = TinyClassifier()


def images(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(1)) * 2 - 1


def inferer(**options: Any) -> HealthyTranslationInferer:
    return HealthyTranslationInferer(**{"level": 300, "steps": 5, "scale": 3.0, **options})
