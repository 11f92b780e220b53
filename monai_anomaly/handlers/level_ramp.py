# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from ignite.engine import Engine, Events

from ..engines import NoisyPrepareBatch

__all__ = ["LevelRamp"]


class LevelRamp:
    """Begin the training of the task networks with little noise and raise their highest level linearly to that of the
    batches.

    A classifier of noisy images finds small lesions only after it has seen them: from the first iteration on under all
    levels, it may learn nothing but the prior for hundreds of iterations. The diffusion network sees all levels. The
    level is a function of the iteration alone, so a resumed run has the same ramp. A training that starts from weights
    (``engine.state.pretrained``, see `WeightsLoader`) has no ramp, since its task networks have seen all levels, unless
    parts of its network are new.

    Args:
        prepare_batch: whose ``task_max_level`` is set; after the ramp to None.
        iterations: length of the ramp; 0: none (the thesis), whatever prepares the batches.
        start: highest level of the first iteration.
    """

    def __init__(self, prepare_batch: NoisyPrepareBatch, iterations: int, start: int = 60) -> None:
        self.prepare_batch = prepare_batch
        self.iterations = iterations
        self.start = start

    def attach(self, engine: Engine) -> None:
        """Set the level as each iteration of the engine starts."""
        if self.iterations > 0:
            engine.add_event_handler(Events.ITERATION_STARTED, self)

    def __call__(self, engine: Engine) -> None:
        """Set the level of the engine's current iteration, counted from 1."""
        pretrained = getattr(engine.state, "pretrained", None)
        if pretrained is not None and not pretrained.get("new"):
            return
        share = (engine.state.iteration - 1) / self.iterations
        stop = self.prepare_batch.max_level
        start = min(self.start, stop)
        level = None if share >= 1 else round(start + share * (stop - start))
        self.prepare_batch.task_max_level = level
