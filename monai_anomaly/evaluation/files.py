# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..utils import atomic_write

__all__ = ["file_part", "write_metrics"]


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


def file_part(name: str) -> str:
    """A name, e.g. of a region, as part of a file's; what no file may have in its name is written as in a URL: "T/C" is
    "T%2FC"."""
    return re.sub(r'[%/\\:*?"<>|\x00-\x1f]', lambda match: quote(match[0], safe=""), name)
