# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Evaluations of several methods, read from their folders once they are known to be of the same slices."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from ..metrics.slice_cases import SliceCases
from ..utils import DataError
from .benchmark_file import differing_entries
from .evaluation_kinds import EvaluationKind, row_name

__all__ = ["named_folders", "read_cases", "read_reports", "read_training"]

METRICS, CASES, TRAINING = "metrics.json", "cases.npz", "training.json"
Cases = TypeVar("Cases", bound=SliceCases)


def named_folders(methods: Sequence[str]) -> dict[str, str]:
    """Name -> what follows it, of several ``NAME=FOLDER``.

    Raises:
        ValueError: when there is none, one is not ``NAME=FOLDER``, or two have the same name.
    """
    pairs = [str(method).partition("=") for method in methods]
    if not pairs or any(not name or not folder for name, _, folder in pairs):
        raise ValueError(f"methods must be NAME=FOLDER, at least one, got {list(methods)}")
    if len({name for name, _, _ in pairs}) < len(pairs):
        raise ValueError(f"methods must have different names, got {[name for name, _, _ in pairs]}")
    return {name: folder for name, _, folder in pairs}


def read_reports(folders: Mapping[str, Path], kind: EvaluationKind) -> dict[str, dict[str, Any]]:
    """The reports of several methods.

    Args:
        folders: name of a method -> folder of its evaluation.
        kind: of the evaluations.

    Returns:
        Name -> content of ``metrics.json``, the ``cases`` in the order of the first method's.

    Raises:
        DataError: when a file is no report of the kind, or is one of other slices, settings or pixels than the first;
            it names the file and what differs.
    """
    reports = {name: _read(folder / METRICS, kind) for name, folder in folders.items()}
    known: dict[str, tuple[Path, Any]] = {}
    first = next(iter(reports))
    for name, report in reports.items():
        path = folders[name] / METRICS
        for key, found in kind.compared(report).items():
            origin, wanted = known.setdefault(key, (path, found))
            for place, now, before in differing_entries(found, wanted, key):
                raise DataError(f"{path}: expected {place} {before!r}, as {origin} has it, found {now!r}")
        rows = {row_name(row): row for row in report["cases"]}
        report["cases"] = [rows[row_name(row)] for row in reports[first]["cases"]]
    return reports


def read_cases(folder: Path, report: Mapping[str, Any], kind: EvaluationKind[Cases]) -> Cases:
    """The saved slices that belong to a report.

    Raises:
        DataError: when the file is missing, or its slices or their truth are others than the report's.
    """
    path = folder / CASES
    if not path.is_file():
        raise DataError(f"{path}: expected the saved slices of an evaluation, found no such file")
    cases = kind.load(path)
    expected = kind.compared(report)
    for key, found in kind.compared_of_cases(cases).items():
        for place, now, before in differing_entries(found, expected[key], key):
            raise DataError(f"{path}: expected {place} {before!r}, as {METRICS} beside it has it, found {now!r}")
    return cases


def read_training(folder: Path) -> dict[str, Any]:
    """What is known of a training: ``training.json`` in the folder, e.g. ``parameters`` and ``minutes``; else nothing.

    Raises:
        DataError: when the file is no JSON object.
    """
    path = folder / TRAINING
    return _json_object(path, "the numbers of a training") if path.is_file() else {}


def _read(path: Path, kind: EvaluationKind) -> dict[str, Any]:
    if not path.is_file():
        raise DataError(f"{path}: expected the report of an evaluation, found no such file")
    report = _json_object(path, kind.report)
    if absent := [key for key in kind.entries if key not in report]:
        raise DataError(f"{path}: expected {kind.report}, found none of {absent}")
    twice = [name for name, count in Counter(map(row_name, report["cases"])).items() if count > 1]
    if twice:
        raise DataError(f"{path}: expected every slice once, found {twice[0]!r} more often")
    return report


def _json_object(path: Path, what: str) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise DataError(f"{path}: expected {what}, found {error}") from error
    if not isinstance(content, dict):
        raise DataError(f"{path}: expected {what}, found a {type(content).__name__}")
    return content
