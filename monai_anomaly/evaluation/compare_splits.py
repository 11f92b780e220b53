# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Methods on several random splits of a data set, each with test cases of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..utils import DataError, differing_entries
from .compare_rows import check_copies, method_rows
from .saved import SavedEvaluation, check_same
from .summary import number

__all__ = ["mean_over_splits", "parts_over_splits", "split_evaluations"]

Split = Mapping[str, SavedEvaluation]
"""Method -> its evaluation on the test cases of one split."""


def split_evaluations(found: Mapping[str, Sequence[SavedEvaluation]]) -> list[dict[str, SavedEvaluation]]:
    """The evaluations of every split, where methods were evaluated on several.

    Args:
        found: method -> its evaluations, in the order of the splits.

    Returns:
        A dictionary per split; none where every method has but one set of test cases.

    Raises:
        DataError: when a method lacks a split; when the evaluations of a split are not of the same cases and settings,
            or those of two splits are of other settings; when one is a copy of another.
    """
    several = [name for name, evaluations in found.items() if len({frozenset(e.keys) for e in evaluations}) > 1]
    if not several:
        return []
    count = len(found[several[0]])
    for name, evaluations in found.items():
        if len(evaluations) != count:
            raise DataError(
                f"{evaluations[-1].path}: expected {name} evaluated on as many splits as {several[0]}, {count} folders"
                f" whose test cases differ, found {len(evaluations)}"
            )
        check_copies(evaluations)
    splits = [{name: evaluations[j] for name, evaluations in found.items()} for j in range(count)]
    first = next(iter(splits[0].values()))
    for split in splits:
        check_same(list(split.values()))
        other = next(iter(split.values()))
        for place in ("task", "settings"):
            for where, now, before in differing_entries(other.identity[place], first.identity[place], place):
                raise DataError(f"{other.path}: expected {where} {before!r}, as {first.path} has it, found {now!r}")
    return splits


def parts_over_splits(splits: Sequence[Split]) -> dict[str, Any]:
    """Of every part the scores of every row, and the first method minus each other row on the same split.

    Args:
        splits: the evaluations of each.

    Returns:
        Part -> ``counts`` (of the first split that has it), ``methods``, ``comparisons`` and ``about``, as a comparison
        has them, with the entries of :py:func:`mean_over_splits`.
    """
    parts: dict[str, Any] = {}
    for part in dict.fromkeys(name for split in splits for name in _report(split)["parts"]):
        having = [split for split in splits if part in _report(split)["parts"]]
        rows = _scores(part, having)
        ours, *others = rows
        differences = {other: _differences(list(zip(rows[ours], rows[other], strict=True))) for other in others}
        parts[part] = {
            "counts": _report(having[0])["parts"][part]["counts"],
            "methods": {title: _means(scores) for title, scores in rows.items()},
            "comparisons": {other: found for other, found in differences.items() if found},
            "about": {},
        }
    return parts


def mean_over_splits(values: Sequence[float | None]) -> dict[str, Any]:
    """Mean and standard deviation of a score over splits.

    Args:
        values: of each; None where there is none.

    Returns:
        ``value``, ``sd`` (of n - 1; None for less than two), ``n`` (splits that have it) and ``splits``, the values.
    """
    numbers = np.array(values, dtype=float)
    known = numbers[np.isfinite(numbers)]
    return {
        "value": float(known.mean()) if len(known) else None,
        "sd": float(known.std(ddof=1)) if len(known) > 1 else None,
        "n": len(known),
        "splits": [number(value) for value in numbers],
    }


def _report(split: Split) -> Mapping[str, Any]:
    """Of the first method."""
    return next(iter(split.values())).report


def _scores(part: str, splits: Sequence[Split]) -> dict[str, list[Mapping[str, Any]]]:
    """Row -> its scores on every split; a baseline of one method that differs from the others' on any split is a row of
    its own on all."""
    places: dict[str, tuple[str, str | None]] = {}
    for split in splits:
        names = {id(evaluation): name for name, evaluation in split.items()}
        for title, (evaluation, method) in method_rows(part, split).items():
            places.setdefault(title, (names[id(evaluation)], None if method == evaluation.own(part) else method))
    return {
        title: [
            split[name].report["parts"][part]["methods"].get(split[name].own(part) if method is None else method, {})
            for split in splits
        ]
        for title, (name, method) in places.items()
    }


def _means(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Of each score that a row has on any split; plain numbers that belong to it, such as a chance level, too."""
    entries: dict[str, Any] = {}
    for score in dict.fromkeys(score for row in rows for score in row):
        found = [row[score] for row in rows if score in row]
        entries[score] = mean_over_splits([row.get(score, {}).get("value") for row in rows])
        for key in set(found[0]) - {*entries[score], "ci95"}:
            more = [entry.get(key) for entry in found]
            if all(isinstance(x, int | float) and not isinstance(x, bool) for x in more):
                entries[score][key] = float(np.mean(more))
    return entries


def _differences(pairs: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> dict[str, Any]:
    """Of each score that two rows have on any split."""
    found = {}
    for score in dict.fromkeys(score for ours, _ in pairs for score in ours):
        values = [[row.get(score, {}).get("value") for row in pair] for pair in pairs]
        entry = mean_over_splits([None if a is None or b is None else a - b for a, b in values])
        if entry["n"]:
            found[score] = entry
    return found
