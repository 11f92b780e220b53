# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ignite.engine import Engine, Events
from tqdm import tqdm

__all__ = ["Progress"]


class Progress:
    """One bar over a whole run: epoch, loss, time gone and time left; a resumed run counts from where it was resumed.

    Args:
        description: what stands before the bar.
        interval: seconds between updates.
        disable: show nothing (the other processes of a distributed run).
    """

    def __init__(self, description: str = "training", interval: float = 1.0, disable: bool = False) -> None:
        self.description = description
        self.interval = interval
        self.disable = disable
        self._bar: tqdm | None = None
        self._loss = 0.0
        self._shown = 0.0

    def attach(self, engine: Engine) -> None:
        """Follow an engine; a trainer's ``loss`` is shown. Attach after the handler that resumes."""
        engine.add_event_handler(Events.STARTED, self._start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._step)
        engine.add_event_handler(Events.COMPLETED, self._stop)
        engine.add_event_handler(Events.EXCEPTION_RAISED, self._fail)

    def _start(self, engine: Engine) -> None:
        state: Any = engine.state
        total = state.max_epochs * state.epoch_length
        self._bar = tqdm(
            total=total,
            initial=state.iteration,
            desc=self.description,
            unit="it",
            disable=self.disable,
            mininterval=self.interval,
        )

    def _step(self, engine: Engine) -> None:
        if self._bar is None:
            return
        self._bar.update(1)
        if time.monotonic() - self._shown >= self.interval:
            self._shown = time.monotonic()
            output: Any = engine.state.output
            if isinstance(output, Mapping) and "loss" in output:
                loss = output["loss"].item()
                self._loss = 0.9 * self._loss + 0.1 * loss if self._loss else loss
                state = f"epoch {engine.state.epoch}/{engine.state.max_epochs} loss {self._loss:.4f}"
                self._bar.set_postfix_str(state, refresh=False)

    def _stop(self, engine: Engine) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _fail(self, engine: Engine, error: BaseException) -> None:
        self._stop(engine)
        raise error
