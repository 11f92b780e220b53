# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""A tiny diffusion network with a classifier, and a translation by them."""

from __future__ import annotations

from inspect import signature
from typing import Any

import numpy as np
import torch
from torch import nn

from monai_anomaly.diffusion import ClassifierGuidance
from monai_anomaly.inferers import TranslationInferer, TranslationScheme

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

    @property
    def tasks(self) -> dict[str, nn.Module]:
        return {"classifier": self.classifier}


def images(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(1)) * 2 - 1


SCHEME = tuple(signature(TranslationScheme).parameters)


def translation(**options: Any) -> TranslationInferer:
    """A translation toward a class: the arguments of the guide (``scale``, perhaps several), of the scheme and of the
    inferer side by side."""
    guide = {name: options.pop(name) for name in ("target", "interval") if name in options}
    scales = np.atleast_1d(options.pop("scale", 10.0)).tolist()
    scheme = TranslationScheme(**{name: options.pop(name) for name in SCHEME if name in options})
    return TranslationInferer([{"classifier": ClassifierGuidance(scale=s, **guide)} for s in scales], scheme, **options)


def inferer(**options: Any) -> TranslationInferer:
    return translation(**{"level": 300, "steps": 5, "scale": 3.0, **options})
