# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

from .json_file import read_json

__all__ = ["latest_failures"]


def latest_failures(folder: Path, lists: str, result: str) -> list[dict[str, Any]]:
    """The cases of a folder that failed when they were last worked on, each once, by the lists of all shards and runs.

    Args:
        folder: of the cases' folders.
        lists: pattern of the files that list failures, each with ``case`` and ``reason``.
        result: file in the folder of a case that did not fail; one that is newer than the list ends the failure.
    """
    failures: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.glob(lists), key=lambda path: path.stat().st_mtime_ns):
        for entry in read_json(path):
            done = folder / entry["case"] / result
            if done.is_file() and done.stat().st_mtime_ns > path.stat().st_mtime_ns:
                failures.pop(entry["case"], None)
            else:
                failures[entry["case"]] = entry
    return list(failures.values())
