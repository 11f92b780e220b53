# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from ignite.engine import Engine, Events
from monai.utils import ensure_tuple

__all__ = ["TargetRange", "check_targets"]

RANGES = "target_ranges"


class TargetRange:
    """Remember the least and the greatest number that a task network was trained on, for `TrainingState` to write into
    the record of the weights: ``"targets": {"size": [0.0, 0.12]}``. Attach before it.

    Args:
        keys: entries of the batch, numbers of the images (N,) or (N, 1).
    """

    def __init__(self, keys: str | Sequence[str]) -> None:
        self.keys = ensure_tuple(keys)
        self.ranges: dict[str, list[float]] = {}

    def attach(self, engine: Engine) -> None:
        """Look at every batch of a training."""
        engine.add_event_handler(Events.ITERATION_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Widen the ranges by the engine's batch."""
        batch: Any = engine.state.batch
        for key in self.keys:
            low, high = (float(v) for v in batch[key].aminmax())
            known = self.ranges.get(key, [low, high])
            self.ranges[key] = [min(low, known[0]), max(high, known[1])]
        setattr(engine.state, RANGES, self.ranges)


def check_targets(record: Mapping[str, Any], targets: Mapping[str, Any]) -> None:
    """Warn of targets that a network is to lead to and that are outside of what it was trained on.

    Args:
        record: of the weights, see `read_model_record`; what it does not tell is not compared.
        targets: name -> a number or several; what is None, or no number, is for the guide to say.
    """
    ranges = (record.get("training") or {}).get("targets", {})
    for name, values in targets.items():
        each = values if isinstance(values, (list, tuple)) else [values]
        wanted = [v for some in each for v in np.ravel(some) if isinstance(v, (int, float, np.number))]
        if name not in ranges:
            continue
        low, high = ranges[name]
        if outside := [f"{v:g}" for v in wanted if not low <= v <= high and np.isfinite(v)]:
            warnings.warn(
                f"{record['file']}: these networks were trained on {name} from {low:.3g} to {high:.3g}; asked for "
                f"{', '.join(outside)}, what comes of it is a guess",
                stacklevel=2,
            )
