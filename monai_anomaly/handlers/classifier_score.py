# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import torch
from ignite.engine import Engine, Events

__all__ = ["ClassifierScore"]


class ClassifierScore:
    """Add the classifier's own verdict on the clean images to an evaluator's output: 1 - p(healthy), under ``score``.

    Args:
        network: has ``classifier``, called as ``classifier(x, timesteps=t)``.
        healthy: the healthy class.
    """

    def __init__(self, network: Any, healthy: int = 0) -> None:
        self.network = network
        self.healthy = healthy

    def attach(self, engine: Engine) -> None:
        """Score every batch; attach before `CollectCases`."""
        engine.add_event_handler(Events.ITERATION_COMPLETED, self)

    @torch.no_grad()
    def __call__(self, engine: Engine) -> None:
        """Score the batch of the engine's last iteration, images (N, C, H, W)."""
        x = engine.state.output["image"]
        logits = self.network.classifier(x, timesteps=torch.zeros(len(x), device=x.device, dtype=torch.long))
        engine.state.output["score"] = 1 - logits.softmax(1)[:, self.healthy]
