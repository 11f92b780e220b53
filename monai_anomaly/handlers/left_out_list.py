# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events

from ..utils import atomic_write

__all__ = ["LeftOutList"]


class LeftOutList:
    """At the end of an inference, also of one that fails, print which inputs were left out and write them to
    ``left_out.json``.

    The file is a list of ``{"case": ..., "reason": ...}``. When nothing was left out there is none, and one of an
    earlier run is removed.

    Args:
        loader: has ``left_out``, see `InputLoader`.
        output_dir: folder of the file.
    """

    def __init__(self, loader: Any, output_dir: str | os.PathLike) -> None:
        self.loader = loader
        self.path = Path(output_dir) / "left_out.json"

    def attach(self, engine: Engine) -> None:
        """Write when the engine is done or fails."""
        engine.add_event_handler(Events.COMPLETED, self)
        engine.add_event_handler(Events.EXCEPTION_RAISED, self._failed)

    def __call__(self, engine: Engine) -> None:
        """Print and write the list."""
        left_out = self.loader.left_out
        if not left_out:
            self.path.unlink(missing_ok=True)
            return
        print(f"{len(left_out)} left out, see {self.path}:")
        for entry in left_out:
            print(f"  {entry['case']}: {entry['reason']}")
        with atomic_write(self.path) as f:
            json.dump(left_out, f, indent=2)

    def _failed(self, engine: Engine, error: Exception) -> None:
        self(engine)
        raise error  # ignite leaves it to the handlers of this event
