# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import torch

from .independent_segmentation import IndependentSegmentation
from .translation_measure import task_network

__all__ = ["TaskSegmentation"]


class TaskSegmentation(IndependentSegmentation):
    """Add the masks that the guiding segmenter itself finds on the images before and after a translation, at noise
    level 0: ``found_before``, ``found_after``, ...

    It says what the translation did, not how well: a network that guides is pleased too easily. For a judge see
    `IndependentSegmentation`.

    Args:
        network: has ``tasks``, name -> task network, e.g. `GuidedDiffusionNet`.
        task: name of the segmenter, called as ``segmenter(x, timesteps=t)``; gives the logits of regions (N, K, H, W).
        kwargs: see `IndependentSegmentation`.

    Raises:
        DataError: in use, when the network has no such task.
    """

    def __init__(self, network: Any, task: str = "segmenter", **kwargs: Any) -> None:
        super().__init__(_Clean(network, task), **kwargs)


class _Clean(torch.nn.Module):
    """A task network at noise level 0."""

    def __init__(self, network: Any, task: str) -> None:
        super().__init__()
        self.network = network
        self.task = task

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        timesteps = torch.zeros(len(x), dtype=torch.long, device=x.device)
        logits: torch.Tensor = task_network(self.network, self.task)(x, timesteps=timesteps)
        return logits
