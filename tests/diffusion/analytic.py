# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Stand-ins for networks: functions whose answers are known in closed form, or at least smooth."""

from __future__ import annotations

import torch

from monai_anomaly.diffusion import NoiseSchedule

SCHEDULE = NoiseSchedule()
STD = 0.5


def abar_of(timesteps: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    return SCHEDULE.alpha_bar(timesteps + 1).to(x).reshape(-1, 1, 1, 1)


def gaussian(x, timesteps):
    """eps of data N(0, STD^2): x = sqrt(abar) x0 + sqrt(1 - abar) eps, E[eps | x] in closed form."""
    a = abar_of(timesteps, x)
    return x * (1 - a).sqrt() / (a * STD**2 + 1 - a)


def labeled(x, timesteps, class_labels):
    """eps of data N(label, STD^2)."""
    a = abar_of(timesteps, x)
    mean = class_labels.reshape(-1, 1, 1, 1).to(x)
    return (x - a.sqrt() * mean) * (1 - a).sqrt() / (a * STD**2 + 1 - a)


def wavy(x, timesteps):
    return 0.4 * torch.sin(3 * x) + 0.2 * torch.cos(0.01 * timesteps.reshape(-1, 1, 1, 1).float())


def biased(x, timesteps, class_labels):
    return 0.05 * class_labels.reshape(-1, 1, 1, 1).to(x).expand_as(x)


def classify(x, timesteps):
    score = (x**2).flatten(1).mean(1) * (1 - timesteps.float() / 2000)
    return torch.stack([-4 * score, 2 * score], dim=1)
