# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

from ignite.engine import Engine
from monai.engines.utils import IterationEvents


def complete(handler: Any, batch: list[dict[str, Any]], results: list[dict[str, Any]]) -> None:
    """Run a handler on one batch as an evaluator does that has just decollated it."""

    def iteration(engine: Engine, batch: list[dict[str, Any]]) -> list[dict[str, Any]]:
        engine.state.output = results
        engine.fire_event(IterationEvents.MODEL_COMPLETED)
        return results

    engine = Engine(iteration)
    engine.register_events(*IterationEvents)
    handler.attach(engine)
    engine.run([batch])
