# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest
import torch
from ignite.engine import Engine, Events

from monai_anomaly.handlers import Progress


def engine_with_loss() -> Engine:
    return Engine(lambda engine, loss: {"loss": torch.tensor(float(loss))})


def test_counts_to_the_end_and_shows_epoch_and_loss(capsys: pytest.CaptureFixture) -> None:
    engine = engine_with_loss()
    Progress("learning", interval=0.0).attach(engine)
    engine.run([2.0, 2.0, 2.0], max_epochs=2)
    shown = capsys.readouterr().err
    assert "learning" in shown and "6/6" in shown and "epoch 2/2 loss 2.0000" in shown


def test_resumed_run_counts_from_where_it_was_resumed(capsys: pytest.CaptureFixture) -> None:
    engine = engine_with_loss()

    @engine.on(Events.STARTED)
    def resume(engine: Engine) -> None:
        engine.state.epoch, engine.state.iteration = 2, 6

    Progress(interval=0.0).attach(engine)
    engine.run([1.0, 1.0, 1.0], max_epochs=3)
    shown = capsys.readouterr().err
    assert "6/9" in shown and "9/9" in shown and "5/9" not in shown


def test_loss_is_smoothed(capsys: pytest.CaptureFixture) -> None:
    engine = engine_with_loss()
    Progress(interval=0.0).attach(engine)
    engine.run([1.0, 2.0])
    assert "loss 1.1000" in capsys.readouterr().err


@pytest.mark.parametrize("output", [None, [{"pred": 1}], {"pred": 1}, torch.zeros(2)])
def test_engine_without_a_loss(capsys: pytest.CaptureFixture, output: Any) -> None:
    engine = Engine(lambda engine, batch: output)
    Progress(interval=0.0).attach(engine)
    engine.run([0, 0])
    assert "2/2" in capsys.readouterr().err


def test_silent(capsys: pytest.CaptureFixture) -> None:
    engine = engine_with_loss()
    Progress(disable=True).attach(engine)
    engine.run([1.0])
    assert capsys.readouterr().err == ""


def test_errors_of_the_run_are_passed_on_and_the_bar_is_closed() -> None:
    def step(engine: Engine, batch: int) -> None:
        raise RuntimeError("broken step")

    engine, progress = Engine(step), Progress()
    progress.attach(engine)
    with pytest.raises(RuntimeError, match="broken step"):
        engine.run([0])
    assert progress._bar is None
