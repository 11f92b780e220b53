# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

from ignite.engine import Engine, Events

from monai_anomaly.engines import NoisyPrepareBatch
from monai_anomaly.handlers import LevelRamp


def levels(ramp_iterations: int, start_at: int = 0, **state: Any) -> list[int | None]:
    prepare_batch, seen = NoisyPrepareBatch(max_level=500), []
    engine = Engine(lambda engine, batch: seen.append(prepare_batch.task_max_level))
    LevelRamp(prepare_batch, ramp_iterations, start=100).attach(engine)
    if start_at:  # a resumed run
        state["iteration"] = start_at
    for name, value in state.items():
        engine.add_event_handler(Events.STARTED, lambda e, n=name, v=value: setattr(e.state, n, v))
    engine.run([0] * 4, max_epochs=2)
    return seen


def test_levels_rise_in_a_line_then_the_task_networks_share_those_of_the_diffusion_network() -> None:
    assert levels(4) == [100, 200, 300, 400, None, None, None, None]


def test_without_a_ramp_the_task_networks_have_no_level_of_their_own() -> None:
    assert levels(0) == [None] * 8


def test_a_resumed_run_has_the_levels_of_its_iterations() -> None:
    assert levels(4, start_at=2)[:4] == levels(4)[2:6]


def test_task_networks_that_have_weights_have_no_ramp() -> None:
    assert levels(4, pretrained={"file": "a.pt"}) == levels(0)


def test_new_task_networks_beside_one_that_has_weights_have_a_ramp() -> None:
    assert levels(4, pretrained={"file": "a.pt", "new": ["size"]}) == levels(4)
