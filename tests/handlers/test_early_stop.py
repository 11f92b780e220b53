# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ignite.engine import Events

from monai_anomaly.handlers import EarlyStop

from .small_training import Training, stop_after

LOSSES = [3.0, 1.0, 2.0, 1.5, 1.0, 4.0, 0.5, 0.4]
"""The second epoch is the best for long; an equal one is no better."""


def training(folder: Path, patience: int = 3, losses: list[float] = LOSSES, **options: Any) -> Training:
    options.setdefault("epochs", len(losses))
    made = Training(folder, validation=losses, **options)
    EarlyStop(patience, made.evaluator).attach(made.trainer)
    return made


def test_it_ends_when_the_best_epoch_is_long_ago(tmp_path: Path) -> None:
    stopped = training(tmp_path).run()
    assert stopped.trainer.state.epoch == 5 and stopped.evaluator.state.best_metric_epoch == 2


def test_it_goes_on_as_long_as_the_validation_becomes_better(tmp_path: Path) -> None:
    assert training(tmp_path, patience=1, losses=[5, 4, 3, 2.0]).run().trainer.state.epoch == 4
    assert training(tmp_path / "long", patience=5).run().trainer.state.epoch == 8


@pytest.mark.parametrize("after", [1, 2, 3, 4])
def test_a_resumed_run_ends_at_the_same_epoch(tmp_path: Path, after: int) -> None:
    broken = training(tmp_path)
    stop_after(broken, after)
    assert broken.run().trainer.state.epoch == after
    assert training(tmp_path).run().trainer.state.epoch == 5


def test_a_run_that_had_ended_ends_at_once_with_the_same_weights(tmp_path: Path) -> None:
    first = training(tmp_path).run()
    again = training(tmp_path, epochs=20)
    steps: list[int] = []
    again.trainer.add_event_handler(Events.ITERATION_COMPLETED, lambda engine: steps.append(engine.state.iteration))
    state = (tmp_path / "state.pt").read_bytes()
    again.run()
    assert again.trainer.state.epoch == 5 and not steps
    assert all((a == b).all() for a, b in zip(first.weights(), again.weights(), strict=True))
    assert (tmp_path / "state.pt").read_bytes() == state


def test_more_patience_lets_it_go_on(tmp_path: Path) -> None:
    training(tmp_path).run()
    assert training(tmp_path, patience=5).run().trainer.state.epoch == 8


def test_patience_counts_epochs_where_not_each_is_validated(tmp_path: Path) -> None:
    """Of epochs 2, 4, 6 and 8 the second is the best until 8: four epochs later it ends."""
    assert (
        training(tmp_path, patience=4, losses=[9, 1, 9, 2, 9, 2, 9, 2.0], val_interval=2).run().trainer.state.epoch == 6
    )


def test_no_training_ends_before_its_first_validation(tmp_path: Path) -> None:
    losses = [9, 9, 9, 2, 9, 9, 9, 3.0]
    ended = training(tmp_path, patience=2, losses=losses, val_interval=4).run()
    assert ended.trainer.state.epoch == 6 and ended.evaluator.state.best_metric_epoch == 4


def test_no_patience_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        training(tmp_path, patience=0)
