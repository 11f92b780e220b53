# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events

from ..utils import atomic_write, shard_ending

__all__ = ["LeftOutList"]


class LeftOutList:
    """At the end of an inference print which inputs were left out and write them to ``left_out.json``; when it fails,
    only write them.

    The file is a list of ``{"case": ..., "reason": ...}``. When nothing was left out there is none, and one of an
    earlier run is removed.

    Args:
        loader: has ``left_out``, see `InputLoader`.
        output_dir: folder of the file.
        shard: of the work, for which the list is ``left_out_2_of_3.json``, see `in_shard`.
    """

    def __init__(self, loader: Any, output_dir: str | os.PathLike, shard: str | None = None) -> None:
        self.loader = loader
        self.path = Path(output_dir) / f"left_out{shard_ending(shard)}.json"

    def attach(self, engine: Engine) -> None:
        """Write when the engine is done or fails."""
        engine.add_event_handler(Events.COMPLETED, self)
        engine.add_event_handler(Events.EXCEPTION_RAISED, self._failed)

    def __call__(self, engine: Engine) -> None:
        """Print and write the list."""
        if self.loader.left_out:
            print(f"{len(self.loader.left_out)} left out, see {self.path}:")
        for entry in self.loader.left_out:
            print(f"  {entry['case']}: {entry['reason']}")
        self._write()

    def _write(self) -> None:
        if not self.loader.left_out:
            self.path.unlink(missing_ok=True)
            return
        with atomic_write(self.path) as f:
            json.dump(self.loader.left_out, f, indent=2)

    def _failed(self, engine: Engine, error: Exception) -> None:
        with suppress(OSError):  # where nothing can be written, the error has said so
            self._write()
        raise error  # ignite leaves it to the handlers of this event
