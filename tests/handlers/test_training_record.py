# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

import pytest
import torch
from ignite.engine import Engine, Events
from torch import nn

from monai_anomaly.handlers import TrainingRecord
from monai_anomaly.utils import DataError


def train(path, epochs: int, after: int = 0) -> dict:
    engine = Engine(lambda engine, batch: None)
    if after:

        @engine.on(Events.STARTED)
        def resume(engine: Engine) -> None:
            engine.state.epoch, engine.state.iteration = after, after * 3

    TrainingRecord(path, nn.Linear(3, 2)).attach(engine)
    engine.run([0, 1, 2], max_epochs=epochs)
    return json.loads(path.read_text(encoding="utf-8"))


def test_what_a_training_cost(tmp_path) -> None:
    record = train(tmp_path / "training.json", 2)
    assert (record["parameters"], record["epochs"], record["iterations"]) == (8, 2, 6)
    assert record["minutes"] >= 0 and record["device"] == f"cpu, {torch.get_num_threads()} thread(s)"


def test_minutes_add_up_where_a_training_is_resumed_and_not_where_it_starts_anew(tmp_path) -> None:
    path = tmp_path / "training.json"
    path.write_text(json.dumps({"minutes": 5.0}))
    assert 5 <= train(path, 2, after=1)["minutes"] < 6
    assert train(path, 2)["minutes"] < 1


def test_a_file_of_something_else_is_named(tmp_path) -> None:
    path = tmp_path / "training.json"
    path.write_text("[]")
    with pytest.raises(DataError, match=r"training\.json: expected the record of a training"):
        train(path, 2, after=1)
