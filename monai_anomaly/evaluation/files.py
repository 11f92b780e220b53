# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import csv
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..utils import atomic_write

__all__ = ["write_metrics"]


def write_metrics(
    report: Mapping[str, Any], text: str, output_dir: str | os.PathLike, provenance: Mapping[str, Any]
) -> None:
    """Write ``metrics.json`` (everything), ``metrics.csv`` (a row per case) and ``metrics.md`` (the tables).

    Args:
        report: with ``"cases"``, a dictionary of the same keys for every case.
        text: the tables.
        output_dir: folder to write to.
        provenance: result of :py:func:`provenance`.
    """
    folder = Path(output_dir)
    with atomic_write(folder / "metrics.json") as f:
        json.dump({"provenance": dict(provenance), **report}, f, indent=1, allow_nan=False)
    with atomic_write(folder / "metrics.csv") as f:
        # RFC 4180 wants CRLF, every tool reads LF
        writer = csv.DictWriter(f, list(report["cases"][0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(report["cases"])
    with atomic_write(folder / "metrics.md") as f:
        f.write(text)
