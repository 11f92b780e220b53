# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import warnings

import pytest
from ignite.engine import Engine, Events

from monai_anomaly.handlers import ClassifierPlateau


def validate(accuracy: float, labels: list[int]) -> list[str]:
    """The warnings of a validation in which the classifier had this accuracy."""
    engine = Engine(lambda engine, batch: None)
    engine.add_event_handler(Events.COMPLETED, lambda e: e.state.metrics.update(accuracy=accuracy))
    ClassifierPlateau(labels, metric="accuracy").attach(engine)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        engine.run([0])
    return [str(w.message) for w in caught]


@pytest.mark.parametrize(
    ("accuracy", "labels", "plateau"),
    [
        (0.63, [0, 0, 0, 1, 1], True),  # chance is 0.60
        (0.65, [0, 0, 0, 1, 1], False),
        (0.30, [0, 1], True),  # worse than chance is no better
        (0.76, [0, 0, 0, 1], True),
        (1.0, [1, 1], False),  # one class only: nothing can be better than right
    ],
)
def test_accuracy_near_the_share_of_the_frequent_class_is_reported(
    accuracy: float, labels: list[int], plateau: bool
) -> None:
    assert len(validate(accuracy, labels)) == plateau


def test_message_says_what_was_found_and_what_to_do() -> None:
    (message,) = validate(0.61, [0, 0, 0, 1, 1])
    assert "61%" in message and "60%" in message and "--classifier_learning_rate" in message


def test_every_validation_is_reported_under_the_usual_filter() -> None:
    engine = Engine(lambda engine, batch: None)
    engine.add_event_handler(Events.COMPLETED, lambda e: e.state.metrics.update(accuracy=0.6))
    ClassifierPlateau([0, 0, 0, 1, 1], metric="accuracy").attach(engine)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for epoch in (1, 2):  # as MONAI's evaluator is run
            engine.state.epoch = epoch - 1
            engine.run([0], max_epochs=epoch)
    assert [str(w.message).split(":")[0] for w in caught] == ["epoch 1", "epoch 2"]


def test_no_labels_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one class"):
        ClassifierPlateau([])
