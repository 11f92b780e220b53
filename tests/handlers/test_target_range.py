# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from ignite.engine import Engine
from torch import nn

from monai_anomaly.handlers import TargetRange, WeightsLoader, check_targets
from monai_anomaly.utils import read_model_record

from .small_training import Training, samples


def test_record_of_a_training_tells_the_range(tmp_path: Path) -> None:
    training = Training(tmp_path, 1)
    TargetRange("label").attach(training.trainer)
    training.run()
    labels = [float(sample["label"]) for sample in samples(len(training.trainer.data_loader.dataset))]
    record = read_model_record(tmp_path / "model.pt")
    assert record["training"]["targets"]["label"] == pytest.approx([min(labels), max(labels)])


def test_batches_of_one_number_an_image_and_of_several_engines() -> None:
    seen = TargetRange(["size", "age"])
    engine = Engine(lambda engine, batch: None)
    seen.attach(engine)
    engine.run(
        [
            {"size": torch.tensor([[0.2], [0.1]]), "age": torch.tensor([5.0, 4.0])},
            {"size": torch.tensor([0.0]), "age": torch.tensor([4.5])},
        ]
    )
    assert engine.state.target_ranges == {"size": [0.0, pytest.approx(0.2)], "age": [4.0, 5.0]}


@pytest.mark.parametrize(
    ("asked", "warned"),
    [(0.05, ""), (0.0, ""), (0.3, "0.3"), ([0.1, -0.2, 0.4], "-0.2, 0.4"), ([None, [0.1, 0.3]], "0.3")],
)
def test_targets_outside_are_told_with_the_range(asked: Any, warned: str) -> None:
    record = {"file": "model.pt", "training": {"targets": {"size": [0.0, 0.12]}}}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        check_targets(record, {"size": asked})
    assert len(caught) == bool(warned)
    if warned:
        text = str(caught[0].message)
        assert text.startswith("model.pt") and "size from 0 to 0.12" in text and f"asked for {warned}," in text


@pytest.mark.parametrize("record", [{"training": None}, {"training": {}}, {"training": {"targets": {"age": [1, 2]}}}])
@pytest.mark.parametrize("asked", [None, 0.9, "large"])
def test_what_is_not_known_is_not_compared(record: dict[str, Any], asked: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_targets({"file": "model.pt", **record}, {"size": asked})
        check_targets({"file": "model.pt", "training": {"targets": {"size": [0, 1]}}}, {"size": None})


def test_weights_are_loaded_with_a_word_on_the_targets(tmp_path: Path) -> None:
    training = Training(tmp_path, 1)
    TargetRange("label").attach(training.trainer)
    training.run()
    loader = WeightsLoader(tmp_path / "model.pt", training.average, targets={"label": 7})
    with pytest.warns(UserWarning, match="asked for 7"):
        loader(Engine(lambda engine, batch: None))
    assert isinstance(training.average, nn.Module)
