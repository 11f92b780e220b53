# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Networks whose losses can be written down, for images of two values."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["AnalyticGAN", "batch"]


class Scale(nn.Module):
    """The generator: images times a number that the target class has."""

    def __init__(self) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor([0.5, -1.5]))
        self.calls: list[tuple[torch.Tensor, torch.Tensor]] = []

    def forward(self, x: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        self.calls.append((x.detach(), target))
        return x * self.factor[target].reshape(-1, 1, 1)


class Linear(nn.Module):
    """The discriminator: a linear critic for each class, and logits of the image itself."""

    def __init__(self, classifies: bool) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.tensor([[0.6, 0.8], [3.0, 4.0]]))  # of norm 1 and 5
        self.classifies = classifies
        self.calls: list[tuple[torch.Tensor, torch.Tensor]] = []

    def forward(self, x: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        self.calls.append((x.detach(), target))
        return (x[:, 0] * self.slope[target]).sum(1, keepdim=True), x[:, 0] if self.classifies else None


class AnalyticGAN(nn.Module):
    """See the module."""

    def __init__(self, classifies: bool = True) -> None:
        super().__init__()
        self.generator, self.discriminator, self.healthy = Scale(), Linear(classifies), 0


def batch(*label: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Images (N, 1, 2) and their labels."""
    return torch.randn(len(label), 1, 2, generator=torch.Generator().manual_seed(0)), torch.tensor(label)
