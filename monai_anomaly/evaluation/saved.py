# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Evaluations as they lie in their folders, and whether they are of the same cases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..utils import DataError, differing_entries, read_json
from .case_file import load_cases
from .cases import Cases, case_name
from .summary import add_columns
from .task import Task, column_name
from .tasks import TASKS, task_of

__all__ = ["SavedEvaluation", "check_same", "named_folders"]

ENTRIES = ("task", "provenance", "settings", "counts", "truth", "parts", "cases")
WHAT = f"the report of an evaluation with {', '.join(ENTRIES)}"


@dataclass(frozen=True)
class SavedEvaluation:
    """What an evaluation has left in its folder.

    Args:
        folder: with ``metrics.json``, perhaps ``cases.npz`` and ``training.json``.
        report: content of ``metrics.json``.
        task: of the report, with its settings.
    """

    folder: Path
    report: Mapping[str, Any]
    task: Task

    @classmethod
    def read(cls, folder: Path) -> SavedEvaluation:
        """Read the report of a folder.

        Raises:
            DataError: when the file is no report of a known task, or has a case twice.
        """
        path = folder / "metrics.json"
        report = read_json(path, WHAT)
        if not isinstance(report, dict):
            raise DataError(f"{path}: expected {WHAT}, found a {type(report).__name__}")
        if absent := [key for key in ENTRIES if key not in report]:
            raise DataError(f"{path}: expected {WHAT}, found none of {absent}: evaluate anew")
        if report["task"] not in TASKS:
            raise DataError(f"{path}: expected a task of {list(TASKS)}, found {report['task']!r}")
        try:
            task = task_of(report)
        except TypeError as error:
            raise DataError(f"{path}: expected the settings of {report['task']}, found {report['settings']}") from error
        found = cls(folder, report, task)
        if twice := [name for name, count in Counter(found.keys).items() if count > 1]:
            raise DataError(f"{path}: expected every case once, found {twice[0]!r} more often")
        return found

    @property
    def path(self) -> Path:
        """Of the report."""
        return self.folder / "metrics.json"

    @property
    def identity(self) -> dict[str, Any]:
        """What must be the same for the scores of several methods to be comparable, in the order of the checks."""
        settings = {name: self.report["settings"].get(name) for name in self.task.settings}
        baselines = {
            f"{name} of {part}": about
            for part, entry in self.report["parts"].items()
            for name, about in entry["about"].items()
            if name not in self.task.variants
        }
        return {
            "task": self.report["task"],
            "settings": {name: value for name, value in settings.items() if name not in self.task.free},
            "case": self._truth(self.report["cases"]),
            **{f"{name} counts": counts for name, counts in self.report["counts"].items()},
            **baselines,
        }

    def own(self, part: str) -> str:
        """What the report calls the method itself in a part."""
        return next(iter(self.report["parts"][part]["methods"]))

    @property
    def keys(self) -> list[str]:
        """Name of every case."""
        return [_name(row) for row in self.report["cases"]]

    def column(self, score: str, part: str, method: str, keys: Sequence[str]) -> np.ndarray | None:
        """A score of a method of the report in some cases (N,), by their names; None: the report has none."""
        column = column_name(score, part, None if method == self.own(part) else method)
        rows = dict(zip(self.keys, self.report["cases"], strict=True))
        if any(column not in row for row in rows.values()):
            return None
        return np.array([rows[key][column] for key in keys], dtype=float)

    def cases(self) -> Cases:
        """Its saved cases.

        Raises:
            DataError: when there are none, or they or their truth are others than the report's.
        """
        path = self.folder / "cases.npz"
        if not path.is_file():
            raise DataError(
                f"{path}: expected the saved cases of an evaluation, found no such file: evaluate with keep_cases"
            )
        cases = load_cases(path, self.task.schema)
        rows: list[dict[str, Any]] = [{"subject": subject, "slice": index} for subject, index in cases.keys]
        add_columns(rows, self.task.truth(cases))
        expected = self._truth(self.report["cases"])
        for place, now, before in differing_entries(self._truth(rows), expected, "case"):
            raise DataError(f"{path}: expected {place} {before!r}, as metrics.json beside it has it, found {now!r}")
        return cases

    def training(self) -> dict[str, Any]:
        """What ``training.json`` tells, e.g. ``parameters`` and ``minutes``; nothing where there is none.

        Raises:
            DataError: when the file is no JSON object.
        """
        path, what = self.folder / "training.json", "the numbers of a training"
        if not path.is_file():
            return {}
        content = read_json(path, what)
        if not isinstance(content, dict):
            raise DataError(f"{path}: expected {what}, found a {type(content).__name__}")
        return content

    def _truth(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
        return {_name(row): {name: row[name] for name in self.report["truth"]} for row in rows}


def named_folders(methods: Sequence[str]) -> dict[str, list[Path]]:
    """Name -> folders, of several ``NAME=FOLDER[,FOLDER...]``.

    Raises:
        ValueError: when there is none, one has another form, or two have the same name.
    """
    pairs = [str(method).partition("=") for method in methods]
    if not pairs or any(not name or not all(folders.split(",")) for name, _, folders in pairs):
        raise ValueError(f"methods must be NAME=FOLDER[,FOLDER...], at least one, got {list(methods)}")
    if len({name for name, _, _ in pairs}) < len(pairs):
        raise ValueError(f"methods must have different names, got {[name for name, _, _ in pairs]}")
    return {name: [Path(folder) for folder in folders.split(",")] for name, _, folders in pairs}


def check_same(evaluations: Sequence[SavedEvaluation]) -> None:
    """Make sure that evaluations are of the same task, settings and cases, in whatever order.

    What only one of two reports has, e.g. validation cases or a baseline chosen on them, does not matter.

    Raises:
        DataError: naming the first file and entry that differs.
    """
    known: dict[str, tuple[Path, Any]] = {}
    for evaluation in evaluations:
        for place, found in evaluation.identity.items():
            origin, wanted = known.setdefault(place, (evaluation.path, found))
            for where, now, before in differing_entries(found, wanted, place):
                raise DataError(f"{evaluation.path}: expected {where} {before!r}, as {origin} has it, found {now!r}")


def _name(row: Mapping[str, Any]) -> str:
    return case_name(str(row["subject"]), str(row["slice"]))
