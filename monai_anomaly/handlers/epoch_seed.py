# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import torch
from ignite.engine import Engine, Events
from monai.utils import set_determinism

__all__ = ["EpochSeed"]


class EpochSeed:
    """Make everything random in an epoch a function of (seed, epoch, rank), so that a resumed run repeats the broken
    one.

    Global generators, the order of the batches, noise, levels and random transforms are reseeded as each epoch starts.

    Args:
        seed: of the run.
        sampler: a distributed sampler whose ``set_epoch`` is called; None for none.
        transform: a random transform (MONAI ``Randomizable``) that runs in this process; None for none.
        rank: of this process, so that processes draw different noise.
    """

    def __init__(self, seed: int, sampler: Any = None, transform: Any = None, rank: int = 0) -> None:
        self.seed = seed
        self.sampler = sampler
        self.transform = transform
        self.rank = rank

    def attach(self, engine: Engine) -> None:
        """Reseed whenever an epoch of the engine starts, before its batches are drawn."""
        engine.add_event_handler(Events.EPOCH_STARTED, self)

    def __call__(self, engine: Engine) -> None:
        """Reseed for the engine's current epoch."""
        seed = (self.seed * 1_000_003 + engine.state.epoch * 1009 + self.rank) % 2**31
        deterministic = torch.are_deterministic_algorithms_enabled()
        set_determinism(seed, use_deterministic_algorithms=deterministic)
        if self.sampler is not None:
            self.sampler.set_epoch(engine.state.epoch)
        if self.transform is not None:
            self.transform.set_random_state(seed)
