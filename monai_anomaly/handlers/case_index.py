# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from pathlib import Path

from ignite.engine import Engine, Events

from ..utils import latest_failures
from ..visualize.report import REPORT, write_report_index

__all__ = ["CaseIndex"]


class CaseIndex:
    """At the end of an inference write ``index.html``, which leads to the ``report.html`` of every case in the folder,
    also of earlier runs and other shards, and names what was left out by the lists there, see `LeftOutList`.

    Args:
        output_dir: folder of the cases' folders.
    """

    def __init__(self, output_dir: str | os.PathLike) -> None:
        self.output_dir = Path(output_dir)

    def attach(self, engine: Engine) -> None:
        """Write when the engine is done."""
        engine.add_event_handler(Events.COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Write the page and print where it is."""
        left_out = latest_failures(self.output_dir, "left_out*.json", REPORT)
        print(f"look through {write_report_index(self.output_dir, left_out)}")
