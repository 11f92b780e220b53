# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

import pytest
import torch
from ignite.engine import Engine, Events

from monai_anomaly.handlers import FiniteLoss


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_stops_in_the_iteration_that_breaks(bad: float) -> None:
    losses = [1.0, 0.5, bad, 0.1]
    seen = []

    def step(engine: Engine, loss: float) -> dict[str, torch.Tensor]:
        seen.append(loss)
        return {"loss": torch.tensor(loss)}

    engine = Engine(step)
    FiniteLoss().attach(engine)
    with pytest.raises(FloatingPointError, match=r"iteration 3 \(epoch 1\)"):
        engine.run(losses, max_epochs=2)
    assert len(seen) == 3


def test_finite_losses_pass() -> None:
    engine = Engine(lambda engine, loss: {"loss": torch.tensor(loss)})
    FiniteLoss().attach(engine)
    assert engine.run([1e30, -1e30, 0.0]).iteration == 3


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("buffer", [False, True])
def test_weights_are_looked_at_before_an_epoch_is_saved(bad: float, buffer: bool) -> None:
    """The step after the last loss of an epoch broke them."""
    network = torch.nn.BatchNorm1d(2)
    saved = []

    def step(engine: Engine, loss: float) -> dict[str, torch.Tensor]:
        if engine.state.iteration == 4:
            (network.running_mean if buffer else network.weight).data[1] = bad  # type: ignore[union-attr]
        return {"loss": torch.tensor(loss)}

    engine = Engine(step)
    engine.network = network  # type: ignore[attr-defined]
    FiniteLoss().attach(engine)
    engine.add_event_handler(Events.EPOCH_COMPLETED, lambda engine: saved.append(engine.state.epoch))
    with pytest.raises(FloatingPointError, match=r"weights became NaN or infinite in iteration 4 \(epoch 2\)"):
        engine.run([1.0, 0.5], max_epochs=3)
    assert saved == [1]
