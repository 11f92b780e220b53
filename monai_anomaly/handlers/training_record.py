# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events

from ..utils import DataError, atomic_write

__all__ = ["TrainingRecord"]


class TrainingRecord:
    """Write down what a training cost, for comparisons on the same budget: ``training.json``.

    ``parameters``, ``epochs``, ``iterations``, ``minutes`` (validation included) and ``device``, after every epoch.
    Resuming adds to the recorded minutes; an interrupted epoch is not counted.

    Args:
        path: JSON to write.
        network: what is trained.
    """

    def __init__(self, path: str | os.PathLike, network: torch.nn.Module) -> None:
        self.path = Path(path)
        self.network = network
        self._before = 0.0
        self._start = 0.0

    def attach(self, engine: Engine) -> None:
        """Start the clock with the trainer; attach after `TrainingState`, which tells where it is resumed."""
        engine.add_event_handler(Events.STARTED, self.start)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self.write)

    def start(self, engine: Engine) -> None:
        """Take the minutes so far from the file where the training is resumed.

        Raises:
            DataError: when the file is not what an earlier run wrote.
        """
        self._start, self._before = time.monotonic(), 0.0
        if engine.state.epoch > 0 and self.path.is_file():
            try:
                self._before = float(json.loads(self.path.read_text(encoding="utf-8"))["minutes"])
            except (ValueError, KeyError, TypeError) as error:
                raise DataError(f"{self.path}: expected the record of a training, found {error!r}") from error

    def write(self, engine: Engine) -> None:
        """Write the numbers so far."""
        record: dict[str, Any] = {
            "parameters": sum(p.numel() for p in self.network.parameters()),
            "epochs": engine.state.epoch,
            "iterations": engine.state.iteration,
            "minutes": round(self._before + (time.monotonic() - self._start) / 60, 2),
            "device": _device_name(next(self.network.parameters()).device),
        }
        with atomic_write(self.path) as f:
            json.dump(record, f, indent=1)


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type}, {torch.get_num_threads()} thread(s)"
