# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..metrics import cluster_bootstrap
from ..utils import DataError, atomic_write, provenance, write_json
from .compare_table import comparison_text
from .evaluate import paired_differences
from .saved import SavedEvaluation, check_same, differing_score, named_folders
from .summary import number
from .task import column_name

__all__ = ["compare"]

Row = tuple[SavedEvaluation, str]
"""An evaluation, and what its report calls the method of the row."""


def compare(
    out: str | os.PathLike,
    *methods: str,
    rows: int = 3,
    cases: Sequence[tuple[str, str | int]] | None = None,
    resamples: int = 2000,
) -> str:
    """Several methods of one task on the same test cases, side by side; no network runs.

    Args:
        out: JSON to write; beside it the tables, as ``.md``, and the pictures of the task, as ``.png``.
        methods: ``NAME=FOLDER`` of each, the folder with its ``metrics.json`` and, where the task has pictures,
            ``cases.npz``; the first is what the others are compared to. ``NAME=FOLDER,FOLDER`` are trainings of one
            method that differ in their seed: the first of them stands in the tables, the spread of all has a table of
            its own. The name of a folder has no comma.
        rows: cases of the picture, from the largest lesion to the smallest; 0: no picture.
        cases: subject and slice of each row of the picture instead, e.g. ``[("sub-0018", 29)]``.
        resamples: of subjects, for the intervals of the paired differences.

    Returns:
        The tables.

    Raises:
        DataError: when a folder has no evaluation, or one of another task or of other cases or settings than the first;
            when a case of the picture is in none.
        ValueError: when no method is given, one is not ``NAME=FOLDER[,FOLDER...]``, or is called like a baseline or
            another's variant; when ``out`` is no ``.json``.
    """
    if Path(out).suffix != ".json":
        raise ValueError(f"out must end in .json, the tables and pictures lie beside it, got {str(out)!r}")
    if rows < 0:
        raise ValueError(f"rows must be at least 0, got {rows}")
    found = {name: [SavedEvaluation.read(f) for f in folders] for name, folders in named_folders(methods).items()}
    check_same([evaluation for several in found.values() for evaluation in several])
    chosen = {name: several[0] for name, several in found.items()}
    first = next(iter(chosen.values()))
    truth = {key: [row[key] for row in first.report["cases"]] for key in ("subject", "slice", *first.report["truth"])}
    parts, columns = {}, dict(truth)
    interval = partial(cluster_bootstrap, clusters=truth["subject"], resamples=resamples)
    for part in first.report["parts"]:
        parts[part], more = _part(part, chosen, interval)
        columns |= more
    result = {
        "task": first.task.name,
        "provenance": provenance(),
        "settings": {**first.task.settings, "resamples": resamples},
        "counts": {"test": first.report["counts"]["test"]},
        "methods": {
            name: {
                "folders": [str(evaluation.folder) for evaluation in several],
                "provenance": several[0].report["provenance"],
                "settings": several[0].report["settings"],
                "training": several[0].training(),
            }
            for name, several in found.items()
        },
        "parts": parts,
        "seeds": {name: _spread(several) for name, several in found.items() if len(several) > 1},
        "columns": columns,
    }
    keys = None if cases is None else [(str(subject), str(index)) for subject, index in cases]
    saved = {name: evaluation.cases for name, evaluation in chosen.items()}
    if rows if keys is None else keys:
        first.task.comparison_figures(Path(out).with_suffix(".png"), saved, rows, keys)
    write_json(out, result)
    text = comparison_text(first.task, result)
    with atomic_write(Path(out).with_suffix(".md")) as f:
        f.write(text)
    return text


def _rows(part: str, evaluations: Mapping[str, SavedEvaluation]) -> dict[str, Row]:
    """Every method and its variants, then the trivial baselines: once, as the same cases have the same ones; one of a
    random augmentation again, with the method's name, where a method has another.

    Raises:
        ValueError: when two have the same title.
    """
    rows: list[tuple[str, Row]] = []
    baselines: dict[str, Row] = {}
    more: list[tuple[str, Row]] = []
    for name, evaluation in evaluations.items():
        own, *others = methods = evaluation.report["parts"][part]["methods"]
        rows.append((name, (evaluation, own)))
        for other in others:
            row = (evaluation, other)
            if other in evaluation.task.variants:
                rows.append((f"{name} ({other})", row))
                continue
            known, _ = baselines.setdefault(other, row)
            if differing_score(methods[other], known.report["parts"][part]["methods"][other]) is not None:
                more.append((f"{other} ({name})", row))
    found = [*rows, *baselines.items(), *more]
    if twice := [title for title, count in Counter(title for title, _ in found).items() if count > 1]:
        raise ValueError(f"methods must have names that no baseline and no variant of another has, got {twice[0]!r}")
    return dict(found)


def _part(
    part: str, evaluations: Mapping[str, SavedEvaluation], interval: Any
) -> tuple[dict[str, Any], dict[str, list]]:
    """The scores of every row, with the columns that are compared."""
    first = next(iter(evaluations.values()))
    scores: dict[str, Any] = {}
    columns: dict[str, dict[str, np.ndarray]] = {}
    about: dict[str, Any] = {}
    for title, (evaluation, method) in _rows(part, evaluations).items():
        entry = evaluation.report["parts"][part]
        scores[title] = {s: _without_lists(e) for s, e in entry["methods"][method].items()}
        found = {s: evaluation.column(s, part, method, first.keys) for s in first.task.paired}
        columns[title] = {s: values for s, values in found.items() if values is not None}
        about |= {title: entry["about"][method]} if method in entry["about"] else {}
    kept = {
        column_name(score, part, title): [number(v) for v in values]
        for title, found in columns.items()
        for score, values in found.items()
    }
    return {
        "counts": first.report["parts"][part]["counts"],
        "methods": scores,
        "comparisons": paired_differences(columns, first.task.paired, interval),
        "about": about,
    }, kept


def _without_lists(entry: Mapping[str, Any]) -> dict[str, Any]:
    """An entry without its curves and matrices, which ``metrics.json`` has."""
    return {key: value for key, value in entry.items() if key == "ci95" or not _holds_list(value)}


def _holds_list(value: Any) -> bool:
    return isinstance(value, list) or (isinstance(value, dict) and any(map(_holds_list, value.values())))


def _spread(evaluations: Sequence[SavedEvaluation]) -> dict[str, Any]:
    """Mean and spread over trainings of each score that all of them have.

    Raises:
        DataError: when one is a copy of another.
    """
    known: dict[str, SavedEvaluation] = {}
    for evaluation in evaluations:
        if (origin := known.setdefault(evaluation.report["provenance"]["run"], evaluation)) is not evaluation:
            raise DataError(f"{evaluation.path}: expected another training than {origin.path}, found a copy of it")
    parts: dict[str, Any] = {part: {} for part in evaluations[0].report["parts"]}
    for part, scores in parts.items():
        runs = [evaluation.report["parts"][part]["methods"][evaluation.own(part)] for evaluation in evaluations]
        for score in runs[0]:
            values = np.array([run.get(score, {}).get("value") for run in runs], dtype=float)
            if np.isfinite(values).all():
                scores[score] = {
                    "value": float(values.mean()),
                    "sd": float(values.std(ddof=1)),
                    "min": float(values.min()),
                    "max": float(values.max()),
                    "values": values.tolist(),
                }
    return {"seeds": [evaluation.report["provenance"]["seed"] for evaluation in evaluations], "parts": parts}
