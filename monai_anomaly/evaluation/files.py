# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import csv
import json
import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from ..utils import atomic_write

__all__ = ["file_part", "plain_settings", "write_metrics"]


def write_metrics(
    report: Mapping[str, Any], text: str, output_dir: str | os.PathLike, provenance: Mapping[str, Any]
) -> None:
    """Write ``metrics.csv`` (a row per case), ``metrics.md`` (the tables) and at last ``metrics.json`` (everything).

    Args:
        report: with ``"settings"``, and ``"cases"``, a dictionary of the same keys for every case.
        text: the tables.
        output_dir: folder to write to.
        provenance: result of :py:func:`provenance`.

    Raises:
        ValueError: when a score is not finite; nothing is written.
    """
    folder = Path(output_dir)
    whole = {"provenance": plain_settings(provenance), **report, "settings": plain_settings(report["settings"])}
    content = json.dumps(whole, indent=1, allow_nan=False)
    with atomic_write(folder / "metrics.csv") as f:
        # RFC 4180 wants CRLF, every tool reads LF
        writer = csv.DictWriter(f, list(report["cases"][0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(report["cases"])
    with atomic_write(folder / "metrics.md") as f:
        f.write(text)
    with atomic_write(folder / "metrics.json") as f:
        f.write(content)


def plain_settings(value: Any) -> Any:
    """Settings as JSON knows them: NumPy's numbers as Python's, what is not finite as text, e.g. "-inf"."""
    if isinstance(value, Mapping):
        return {key: plain_settings(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain_settings(entry) for entry in value]
    if isinstance(value, np.generic | np.ndarray):
        return plain_settings(value.tolist())
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def file_part(name: str) -> str:
    """A name, e.g. of a region, as part of a file's; what no file may have in its name is written as in a URL: "T/C" is
    "T%2FC"."""
    return re.sub(r'[%/\\:*?"<>|\x00-\x1f]', lambda match: quote(match[0], safe=""), name)
