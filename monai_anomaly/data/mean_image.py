# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import torch

from .slices import SliceDataset

__all__ = ["mean_healthy"]


def mean_healthy(dataset: SliceDataset) -> torch.Tensor:
    """Mean (C, H, W) of a dataset's healthy slices: the simplest model of what is healthy, a baseline to beat.

    Raises:
        ValueError: when no slice is healthy.
    """
    healthy = [i for i, label in enumerate(dataset.labels) if label == 0]
    if not healthy:
        raise ValueError("expected at least one slice of label 0, found none")
    total = torch.zeros(())
    for i in healthy:
        total = total + torch.as_tensor(dataset[i]["image"])
    return total / len(healthy)
