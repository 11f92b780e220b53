# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Evaluations of several segmentation methods, read from their folders once they are known to be of the same slices."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..metrics import SegmentationCases
from ..utils import DataError
from .benchmark_file import differing_entries

__all__ = ["read_cases", "read_reports", "read_training"]

METRICS, CASES, TRAINING = "metrics.json", "cases.npz", "training.json"
ENTRIES = ("settings", "counts", "regions", "cases", "provenance")
PIXELS = "lesion pixels of"


def read_reports(folders: Mapping[str, Path]) -> dict[str, dict[str, Any]]:
    """The reports of several methods.

    Args:
        folders: name of a method -> folder of its evaluation.

    Returns:
        Name -> content of ``metrics.json``, the ``cases`` in the order of the first method's.

    Raises:
        DataError: when a file is no report of a segmentation, or is one of other slices, regions or pixels than the
            first; it names the file and what differs.
    """
    reports = {name: _read(folder / METRICS) for name, folder in folders.items()}
    first = next(iter(reports))
    for name, report in reports.items():
        found, expected = _what_it_is_of(report), _what_it_is_of(reports[first])
        for key, wanted in expected.items():
            for place, now, before in differing_entries(found[key], wanted, key):
                raise DataError(
                    f"{folders[name] / METRICS}: expected {place} {before!r}, as {folders[first] / METRICS} has it,"
                    f" found {now!r}"
                )
        rows = {_name(row): row for row in report["cases"]}
        report["cases"] = [rows[_name(row)] for row in reports[first]["cases"]]
    return reports


def read_cases(folder: Path, report: Mapping[str, Any]) -> SegmentationCases:
    """The saved slices that belong to a report.

    Raises:
        DataError: when the file is missing, or its slices or regions are others than the report's.
    """
    path = folder / CASES
    if not path.is_file():
        raise DataError(f"{path}: expected the saved slices of an evaluation, found no such file")
    cases = SegmentationCases.load(path)
    found = {" ".join(key): n for key, n in zip(cases.slice_keys, cases.lesion_pixels.tolist(), strict=True)}
    for place, now, before in differing_entries(found, _lesion_pixels(report), PIXELS):
        raise DataError(f"{path}: expected {place} {before!r}, as {METRICS} beside it has it, found {now!r}")
    return cases


def read_training(folder: Path) -> dict[str, Any]:
    """What is known of a training: ``training.json`` in the folder, e.g. ``parameters`` and ``minutes``; else nothing.

    Raises:
        DataError: when the file is no JSON object.
    """
    path = folder / TRAINING
    return _json_object(path, "the numbers of a training") if path.is_file() else {}


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise DataError(f"{path}: expected the report of an evaluation, found no such file")
    report = _json_object(path, "the report of a segmentation")
    if absent := [key for key in ENTRIES if key not in report]:
        raise DataError(f"{path}: expected the report of a segmentation, found none of {absent}")
    twice = [name for name, count in Counter(map(_name, report["cases"])).items() if count > 1]
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


def _what_it_is_of(report: Mapping[str, Any]) -> dict[str, Any]:
    """What must be the same for scores to be comparable; the order of the slices need not."""
    return {
        "regions": list(report["regions"]),
        "pixels of a slice": report["counts"]["pixels_per_slice"],
        PIXELS: _lesion_pixels(report),
        "settings": {key: report["settings"][key] for key in ("spacing_mm", "bins", "background", "data_range")},
        "brain pixels": report["counts"]["brain_pixels"],
        "validation slices with a lesion": report["counts"]["validation_slices_with_lesion"],
    }


def _lesion_pixels(report: Mapping[str, Any]) -> dict[str, list[int]]:
    """Of every region; they tell apart data sets that use the same names."""
    names = list(report["regions"])
    return {_name(row): [row[f"lesion_pixels_{name}"] for name in names] for row in report["cases"]}


def _name(row: Mapping[str, Any]) -> str:
    return f"{row['subject']} {row['slice']}"
