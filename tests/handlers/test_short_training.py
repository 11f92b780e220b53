# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from ignite.engine import Engine

from monai_anomaly.handlers import ShortTraining


@pytest.mark.parametrize(("epochs", "warned"), [(2, True), (3, True), (4, False), (12, False)])
def test_warns_below_a_third_of_the_usual_iterations(epochs: int, warned: bool, caplog) -> None:
    engine = Engine(lambda engine, batch: None)
    ShortTraining(usual=98).attach(engine)
    engine.run(range(10), max_epochs=epochs)
    said = f"{epochs} epochs of 10 iterations are {10 * epochs}, the default is meant for 98"
    assert (said in caplog.text) == warned
    assert ("--epochs 10 makes as many" in caplog.text) == warned
