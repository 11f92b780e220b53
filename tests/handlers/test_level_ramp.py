# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from ignite.engine import Engine, Events

from monai_anomaly.engines import NoisyPrepareBatch
from monai_anomaly.handlers import LevelRamp


def levels(ramp_iterations: int, start_at: int = 0) -> list[int]:
    prepare_batch, seen = NoisyPrepareBatch(max_level=500), []
    engine = Engine(lambda engine, batch: seen.append(prepare_batch.max_level))
    LevelRamp(prepare_batch, ramp_iterations, start=100).attach(engine)
    if start_at:  # a resumed run
        engine.add_event_handler(Events.STARTED, lambda e: setattr(e.state, "iteration", start_at))
    engine.run([0] * 4, max_epochs=2)
    return seen


def test_levels_rise_in_a_line_and_stay() -> None:
    assert levels(4) == [100, 200, 300, 400, 500, 500, 500, 500]


def test_no_ramp_leaves_the_level_alone() -> None:
    assert levels(0) == [500] * 8


def test_a_resumed_run_has_the_levels_of_its_iterations() -> None:
    assert levels(4, start_at=2)[:4] == levels(4)[2:6]
