# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""The functions that stood in for networks when the original code produced the reference tensors, see README.md."""

from __future__ import annotations

import torch


def column(v: torch.Tensor) -> torch.Tensor:
    return v.float().reshape(-1, 1, 1, 1)


def net(x: torch.Tensor, timesteps: torch.Tensor, class_labels: torch.Tensor) -> torch.Tensor:
    eps = 0.3 * torch.sin(x) + 0.001 * column(timesteps) + 0.05 * column(class_labels)
    return torch.cat([eps, torch.tanh(0.5 * x) * torch.cos(0.002 * column(timesteps))], dim=1)


def classifier(x: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
    w = 1 + 0.001 * timesteps.float()
    zero = -1.0 * w * ((x - 0.2) ** 2).flatten(1).mean(1)
    one = -1.5 * w * ((x + 0.3) ** 2).flatten(1).mean(1)
    return torch.stack([zero, one], dim=1)


def regressor(x: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
    return torch.tanh(x).flatten(1).mean(1) * (1 + 0.001 * timesteps.to(x))


def segmenter(x: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
    """Logits of S."""
    return 2 * x.mean(1, keepdim=True) + 0.001 * timesteps.to(x).reshape(-1, 1, 1, 1) - 0.5
