# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from typing import Any

import torch
from ignite.engine import Engine, Events

__all__ = ["ADVICE", "FiniteLoss", "broken_training", "check_weights"]

ADVICE = (
    "Switch mixed precision off (--autocast float32), or lower the learning rate: --resume anyway resumes from there "
    "with another one."
)


class FiniteLoss:
    """Stop a training whose loss or weights are no longer numbers, before the broken weights are saved."""

    def attach(self, engine: Engine) -> None:
        """Look at the loss after every iteration, at the weights after every epoch; attach before what saves."""
        engine.add_event_handler(Events.ITERATION_COMPLETED, self)
        engine.add_event_handler(Events.EPOCH_COMPLETED, check_weights)

    def __call__(self, engine: Engine) -> None:
        """Look at the last loss.

        Raises:
            FloatingPointError: when it is NaN or infinite.
        """
        output: Any = engine.state.output
        loss = output["loss"].item()
        if not math.isfinite(loss):
            raise broken_training(engine, f"the loss became {loss}")


def broken_training(engine: Engine, problem: str, advice: str = ADVICE) -> FloatingPointError:
    """The error that ends a training: the problem, where it showed, what is left, and what to do."""
    where = f"iteration {engine.state.iteration} (epoch {engine.state.epoch})"
    return FloatingPointError(
        f"{problem} in {where}; the state and weights saved after the epoch before are untouched. {advice}"
    )


def check_weights(engine: Any) -> None:
    """Look at the weights and buffers of the engine's network, if it has one: the step after the last loss of an epoch
    may have broken them.

    Raises:
        FloatingPointError: when one is NaN or infinite.
    """
    network = getattr(engine, "network", None)
    tensors = [*network.parameters(), *network.buffers()] if isinstance(network, torch.nn.Module) else []
    finite = [tensor.detach().isfinite().all() for tensor in tensors]
    if finite and not torch.stack(finite).all().item():
        raise broken_training(engine, "weights became NaN or infinite")
