# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from typing import Any

from ignite.engine import Engine, Events

__all__ = ["FiniteLoss"]


class FiniteLoss:
    """Stop a training whose loss is no longer a number, before the broken weights are saved."""

    def attach(self, engine: Engine) -> None:
        """Look at the loss after every iteration; attach before the handler that saves."""
        engine.add_event_handler(Events.ITERATION_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Look at the last loss.

        Raises:
            FloatingPointError: when it is NaN or infinite.
        """
        output: Any = engine.state.output
        loss = output["loss"].item()
        if not math.isfinite(loss):
            where = f"iteration {engine.state.iteration} (epoch {engine.state.epoch})"
            raise FloatingPointError(
                f"the loss became {loss} in {where}; the state saved after the epoch before is untouched. "
                "Lower the learning rate, or switch mixed precision off (--autocast float32)."
            )
