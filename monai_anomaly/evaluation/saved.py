# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Evaluations as they lie in their folders, and whether they are of the same cases."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..utils import DataError, differing_entries, read_json
from .case_file import load_cases
from .cases import Cases, case_name
from .layout import WHAT, check_report, check_training
from .summary import add_columns
from .task import Task, column_name
from .tasks import TASKS, task_of

__all__ = ["SavedEvaluation", "check_same", "differing_score", "named_folders"]

Scores = Mapping[str, Mapping[str, Any]]
"""Score -> entry, of one row of a report."""
TOLERANCE = 1e-6
"""By how much a score of a baseline may differ, relatively: sums are rounded differently on another machine."""


class CaseKey(NamedTuple):
    """By what the cases of several evaluations are matched."""

    subject: str
    slice: str

    def __str__(self) -> str:
        return case_name(*self)


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
            DataError: when the file is no whole report of a known task, or has a case twice or several without names.
        """
        path = folder / "metrics.json"
        report = read_json(path, WHAT)
        try:
            check_report(report)
        except DataError as error:
            raise DataError(f"{path}: {error}") from error
        if report["task"] not in TASKS:
            raise DataError(f"{path}: expected a task of {list(TASKS)}, found {report['task']!r}")
        try:
            task = task_of(report)
        except (TypeError, ValueError) as error:
            raise DataError(f"{path}: expected the settings of {report['task']}, found {report['settings']}") from error
        try:
            task.sections(report)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            cause = f"{type(error).__name__}: {error}"
            raise DataError(f"{path}: expected what the tables of {task.name} need, found less ({cause})") from error
        found = cls(folder, report, task)
        if twice := [key for key, count in Counter(found.keys).items() if count > 1]:
            if not any(twice[0]):
                raise DataError(
                    f"{path}: expected cases with a subject or a slice, by which those of several methods are matched,"
                    " found several without"
                )
            raise DataError(
                f"{path}: expected every case once, found '{twice[0]}' more often; slices of one subject need their "
                "numbers in the datalist (datalist table --slice_number)"
            )
        for part, entry in report["parts"].items():
            for method, scores in entry["methods"].items():
                for score in (score for score in task.paired if score in scores):
                    if found.column(score, part, method, ()) is None:
                        raise DataError(f"{path}: expected cases with {score} of {method}, part {part}, found none")
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
            if name not in (*self.task.variants, self.own(part))  # a threshold of the method's own may differ
        }
        return {
            "task": self.report["task"],
            "settings": {name: value for name, value in settings.items() if name not in self.task.free},
            "case": self._truth(self.report["cases"]),
            **{f"{name} counts": counts for name, counts in self.report["counts"].items()},
            "parts": list(self.report["parts"]),
            **{f"{part} counts": entry["counts"] for part, entry in self.report["parts"].items()},
            **baselines,
        }

    @property
    def baselines(self) -> dict[str, Scores]:
        """Baseline and part -> its scores, which depend on no method and no training."""
        return {
            f"{name} of {part}": scores
            for part, entry in self.report["parts"].items()
            for name, scores in list(entry["methods"].items())[1:]
            if name not in (*self.task.variants, *self.task.random)
        }

    def own(self, part: str) -> str:
        """What the report calls the method itself in a part."""
        return next(iter(self.report["parts"][part]["methods"]))

    @property
    def keys(self) -> list[CaseKey]:
        """Names of every case."""
        return [_key(row) for row in self.report["cases"]]

    @cached_property
    def _rows(self) -> dict[CaseKey, Mapping[str, Any]]:
        """The table of cases, all rows with the same columns, by their names."""
        return dict(zip(self.keys, self.report["cases"], strict=True))

    def column(self, score: str, part: str, method: str, keys: Sequence[CaseKey]) -> np.ndarray | None:
        """A score of a method of the report in some cases (N,), by their names; None: the report has none."""
        column = column_name(score, part, None if method == self.own(part) else method)
        if column not in self.report["cases"][0]:
            return None
        return np.array([self._rows[key][column] for key in keys], dtype=float)

    def cases(self) -> Cases:
        """Its saved cases.

        Raises:
            DataError: when there are none, or they are of another run, or their truth is another than the report's.
        """
        path = self.folder / "cases.npz"
        if not path.is_file():
            raise DataError(
                f"{path}: expected the saved cases of an evaluation, found no such file: evaluate with keep_cases, or "
                "ask for no picture (rows 0)"
            )
        cases = load_cases(path, self.task.schema, self.report["provenance"]["run"])
        rows: list[dict[str, Any]] = [{"subject": subject, "slice": index} for subject, index in cases.keys]
        add_columns(rows, self.task.truth(cases))
        expected = self._truth(self.report["cases"])
        for place, now, before in differing_entries(self._truth(rows), expected, "case"):
            raise DataError(f"{path}: expected {place} {before!r}, as metrics.json beside it has it, found {now!r}")
        return cases

    def training(self) -> dict[str, Any]:
        """What ``training.json`` tells, e.g. ``parameters`` and ``minutes``; nothing where there is none.

        Raises:
            DataError: when the file is no JSON object, or has text for a number.
        """
        path, what = self.folder / "training.json", "the numbers of a training"
        if not path.is_file():
            return {}
        content: dict[str, Any] = read_json(path, what)
        try:
            check_training(content, what)
        except DataError as error:
            raise DataError(f"{path}: {error}") from error
        return content

    def _truth(self, rows: Sequence[Mapping[str, Any]]) -> dict[CaseKey, dict[str, Any]]:
        return {_key(row): {name: row[name] for name in self.report["truth"]} for row in rows}


def named_folders(methods: Sequence[str]) -> dict[str, list[Path]]:
    """Name -> folders, of several ``NAME=FOLDER[,FOLDER...]``.

    Raises:
        ValueError: when there is none, one has another form, a folder has a comma in its name, two methods have the
            same name, or a method has a folder twice.
    """
    pairs = [str(method).partition("=") for method in methods]
    if not pairs or any(not name or not all(folders.split(",")) for name, _, folders in pairs):
        raise ValueError(f"methods must be NAME=FOLDER[,FOLDER...], at least one, got {list(methods)}")
    if len({name for name, _, _ in pairs}) < len(pairs):
        raise ValueError(f"methods must have different names, got {[name for name, _, _ in pairs]}")
    found = {name: [Path(folder) for folder in folders.split(",")] for name, _, folders in pairs}
    for name, _, folders in pairs:
        if len(found[name]) > 1 and Path(folders).exists():
            raise ValueError(f"methods must be in folders without a comma, which divides two, got {folders!r}")
        if len({folder.resolve() for folder in found[name]}) < len(found[name]):
            raise ValueError(f"methods must have every training once, got {folders!r} of {name}")
    return found


def check_same(evaluations: Sequence[SavedEvaluation]) -> None:
    """Make sure that evaluations are of the same task, settings, cases and baselines, in whatever order.

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
    first: dict[str, tuple[Path, Scores]] = {}
    for evaluation in evaluations:
        for place, scores in evaluation.baselines.items():
            origin, wanted = first.setdefault(place, (evaluation.path, scores))
            if (score := differing_score(scores, wanted)) is not None:
                expected, value = wanted[score]["value"], scores[score]["value"]
                raise DataError(
                    f"{evaluation.path}: expected {score} of the baseline {place} {expected}, as {origin} has it, found"
                    f" {value}: other validation or training data?"
                )


def differing_score(scores: Scores, others: Scores) -> str | None:
    """The first score of two rows that both have, and of which they differ by more than rounding; None: none."""
    for name in scores:
        a, b = scores[name]["value"], others.get(name, scores[name])["value"]
        if a != b and (a is None or b is None or not math.isclose(a, b, rel_tol=TOLERANCE, abs_tol=TOLERANCE**2)):
            return name
    return None


def _key(row: Mapping[str, Any]) -> CaseKey:
    return CaseKey(str(row["subject"]), str(row["slice"]))
