# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import logging
from typing import Any

from ignite.engine import Engine, Events

__all__ = ["EarlyStop"]


class EarlyStop:
    """End a training when its validation has not become better for some epochs.

    MONAI's evaluators know the epoch of their best metric, and `TrainingState` keeps it. So there is no counter to
    lose (as in MONAI's `EarlyStopHandler`): a resumed training waits as long as one that was never broken, and one that
    had ended ends again as it starts, so that what follows it can be repeated.

    Args:
        patience: epochs after the best one, 1 or more; the thesis has 20 (ch. 9).
        evaluator: the validation evaluator; its ``state.best_metric_epoch`` decides.

    Raises:
        ValueError: when ``patience`` is less than 1.
    """

    def __init__(self, patience: int, evaluator: Any) -> None:
        if patience < 1:
            raise ValueError(f"patience must be at least 1, got {patience}")
        self.patience = patience
        self.evaluator = evaluator
        self.logger = logging.getLogger(__name__)

    def attach(self, engine: Engine) -> None:
        """Look as the trainer starts and after each epoch. Attach after ``ValidationHandler`` and `TrainingState`."""
        engine.add_event_handler(Events.STARTED, self)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """End the training if it is time."""
        best = self.evaluator.state.best_metric_epoch
        # negative before the first validation: no weights were chosen yet
        if best >= 0 and engine.state.epoch - best >= self.patience:
            self.logger.info(
                "no better validation in %d epochs since epoch %d: the training ends", engine.state.epoch - best, best
            )
            engine.terminate()
