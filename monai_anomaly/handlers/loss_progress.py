# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

from ignite.engine import Engine, Events
from torch import nn

__all__ = ["LossProgress"]


class LossProgress:
    """Tell each loss that changes over a training how much of it is done.

    The share is a function of the iteration alone, so a resumed run has the same. Losses without ``progress`` are left
    as they are.

    Args:
        loss: the loss; every module within that has ``progress`` (`DomainAdversarialLoss`) is told.
        iterations: length of the training, or of what the loss takes for its whole.

    Raises:
        ValueError: when ``iterations`` is less than 1.
    """

    def __init__(self, loss: nn.Module, iterations: int) -> None:
        if iterations < 1:
            raise ValueError(f"iterations must be at least 1, got {iterations}")
        self.losses: list[Any] = [module for module in loss.modules() if hasattr(module, "progress")]
        self.iterations = iterations

    def attach(self, engine: Engine) -> None:
        """Tell as each iteration of the engine starts."""
        engine.add_event_handler(Events.ITERATION_STARTED, self)

    def __call__(self, engine: Engine) -> None:
        """Set the share, 0 in the first iteration, at most 1."""
        share = min((engine.state.iteration - 1) / self.iterations, 1.0)
        for loss in self.losses:
            loss.progress = share
