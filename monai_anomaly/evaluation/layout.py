# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""What the files of an evaluation must hold to be compared: they may be edited, damaged, or of an older version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..utils import DataError

__all__ = ["check_report", "check_training"]

ENTRIES = ("task", "provenance", "settings", "counts", "truth", "parts", "cases")
WHAT = f"the report of an evaluation with {', '.join(ENTRIES)}"


def check_report(report: Any) -> None:
    """Make sure that everything is there that all tasks have.

    Args:
        report: content of a ``metrics.json``.

    Raises:
        DataError: naming the first entry that is absent or of another kind.
    """
    if not isinstance(report, dict):
        raise DataError(f"expected {WHAT}, found a {type(report).__name__}")
    if absent := [key for key in ENTRIES if key not in report]:
        raise DataError(f"expected {WHAT}, found none of {absent}: evaluate anew")
    _is(report["task"], "task", str, "a text")
    _is(_with(report["settings"], "settings", "method")["method"], "settings method", str, "a text")
    about = _with(report["provenance"], "provenance", "date", "config", "seed", "git_revision", "run")
    for key in ("date", "config", "run"):
        _is(about[key], f"provenance {key}", str, "a text")
    if about["git_revision"] is not None:
        _is(about["git_revision"], "provenance git_revision", str, "a text")
    _model(about.get("model"))
    for name, counts in _with(report["counts"], "counts", "test").items():
        _counts(counts, f"counts {name}")
    for name in _is(report["truth"], "truth", list, "a list of columns"):
        _is(name, "truth", str, "names of columns")
    _cases(report)
    parts = _some(report["parts"], "parts", dict, "at least one part")
    for name, part in parts.items():
        _part(_with(part, f"parts {name}", "counts", "methods", "comparisons", "about"), f"parts {name}")
    method = report["settings"]["method"]
    for name, part in parts.items():
        if not (own := next(iter(part["methods"]))).startswith(method):
            raise DataError(f"expected parts {name} methods with {method!r} first, found {own!r}")


def check_training(content: Any, what: str) -> None:
    """Make sure that the numbers of a training are some.

    Args:
        content: of a ``training.json``.
        what: it should be, for the message.

    Raises:
        DataError: naming the entry.
    """
    _is(content, "", dict, what)
    for key in ("parameters", "minutes"):
        if content.get(key) is not None:
            _number(content[key], key)


def _model(model: Any) -> None:
    """The evaluated weights, and what they were trained with, as far as that is told."""
    if model is None or (training := _with(model, "provenance model", "training")["training"]) is None:
        return
    place = "provenance model training"
    _is(_with(training, place, "settings", "git_revision")["settings"], f"{place} settings", dict, "names and values")
    if training["git_revision"] is not None:
        _is(training["git_revision"], f"{place} git_revision", str, "a text")


def _part(part: Mapping[str, Any], place: str) -> None:
    _counts(part["counts"], f"{place} counts")
    _is(part["about"], f"{place} about", dict, "what is known of methods")
    for kind in ("methods", "comparisons"):
        for method, scores in _is(part[kind], f"{place} {kind}", dict, "names and scores").items():
            for score, entry in _is(scores, f"{place} {kind} {method}", dict, "names and scores").items():
                _entry(entry, f"{place} {kind} {method} {score}")
    _some(part["methods"], f"{place} methods", dict, "at least one method")


def _entry(entry: Any, place: str) -> None:
    """A score, see :py:func:`case_mean`."""
    _with(entry, place, "value", "n")
    _number(entry["n"], f"{place} n")
    for key in ("value", "sd"):
        if entry.get(key) is not None:
            _number(entry[key], f"{place} {key}")
    bounds = entry.get("ci95")
    if bounds is not None:
        if not isinstance(bounds, list) or len(bounds) != 2:
            raise DataError(f"expected {place} ci95 of two numbers, found {bounds!r}")
        for bound in bounds:
            _number(bound, f"{place} ci95")


def _cases(report: Mapping[str, Any]) -> None:
    """A row per case; all have the same columns, and those that are no names and no truth are numbers."""
    rows = _some(report["cases"], "cases", list, "a row per case")
    names = ("subject", "slice", *report["truth"])
    for i, row in enumerate(rows):
        _with(row, f"cases {i}", *names)
        for key in ("subject", "slice"):
            _is(row[key], f"cases {i} {key}", str, "a text")
        if different := sorted(set(row) ^ set(rows[0])):
            with_it, without = (0, i) if different[0] in rows[0] else (i, 0)
            raise DataError(f"expected cases {without} with {different[0]}, like cases {with_it}, found none")
        for column, value in row.items():
            if column not in names and value is not None and not isinstance(value, bool):
                _number(value, f"cases {i} {column}")
    if (count := report["counts"]["test"].get("cases")) != len(rows):
        raise DataError(f"expected {count} cases, as counts test has it, found {len(rows)}")


def _is(value: Any, place: str, kind: type, what: str) -> Any:
    if not isinstance(value, kind):
        found = f"a {type(value).__name__}" if isinstance(value, dict | list) or not place else repr(value)
        raise DataError(f"expected {f'{place} of ' * bool(place)}{what}, found {found}")
    return value


def _some(value: Any, place: str, kind: type, what: str) -> Any:
    if not _is(value, place, kind, what):
        raise DataError(f"expected {place} of {what}, found none")
    return value


def _with(value: Any, place: str, *keys: str) -> Any:
    _is(value, place, dict, ", ".join(keys))
    if absent := [key for key in keys if key not in value]:
        raise DataError(f"expected {place} with {', '.join(keys)}, found no {', '.join(absent)}")
    return value


def _counts(value: Any, place: str) -> None:
    for name, count in _is(value, place, dict, "names and numbers").items():
        _number(count, f"{place} {name}")


def _number(value: Any, place: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        raise DataError(f"expected {place} of a number, found {value!r}")
