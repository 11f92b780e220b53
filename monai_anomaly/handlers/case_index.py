# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events

from ..visualize.report import write_report_index

__all__ = ["CaseIndex"]


class CaseIndex:
    """At the end of an inference write ``index.html``, which leads to the ``report.html`` of every case in the folder,
    also of earlier runs, and names what was left out.

    Args:
        loader: has ``left_out``, see `InputLoader`.
        output_dir: folder of the cases' folders.
    """

    def __init__(self, loader: Any, output_dir: str | os.PathLike) -> None:
        self.loader = loader
        self.output_dir = Path(output_dir)

    def attach(self, engine: Engine) -> None:
        """Write when the engine is done."""
        engine.add_event_handler(Events.COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Write the page and print where it is."""
        print(f"look through {write_report_index(self.output_dir, self.loader.left_out)}")
