# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..metrics import cluster_bootstrap
from ..utils import atomic_write, provenance, write_json
from .compare_rows import check_copies, method_rows
from .compare_splits import parts_over_splits, split_evaluations
from .compare_table import comparison_text
from .evaluate import paired_differences
from .files import plain_settings
from .origin import seed_and_revision
from .saved import SavedEvaluation, check_same, named_folders
from .summary import number
from .task import column_name

__all__ = ["compare"]


def compare(
    out: str | os.PathLike,
    *methods: str,
    rows: int = 3,
    cases: Sequence[tuple[str, str | int]] | None = None,
    resamples: int = 2000,
) -> str:
    """Several methods of one task on the same test cases, or on the same random splits, side by side; no network runs.

    Examples:
        monai-anomaly compare out.json A=bundles/diffanomaly/eval B=bundles/diffanomaly/eval/gradcam

    Args:
        out: JSON to write; beside it the tables, as ``.md``, and the pictures of the task, as ``.png``.
        methods: ``NAME=FOLDER`` of each, the folder with its ``metrics.json`` and, where the task has pictures,
            ``cases.npz``; the first is what the others are compared to. ``NAME=FOLDER,FOLDER`` are trainings of one
            method. With the same test cases they differ in their seed: the first of them stands in the tables, the
            spread of all has a table of its own. With different ones they are of random splits, all methods have as
            many, in one order, and the tables have mean and standard deviation over the splits. The name of a folder
            has no comma.
        rows: cases of the picture, of the first split, from the largest lesion to the smallest; 0: no picture.
        cases: subject and slice of each row of the picture instead, e.g. ``[("sub-0018", 29)]``.
        resamples: of subjects, for the intervals of the paired differences.

    Returns:
        The tables.

    Raises:
        DataError: when a folder has no evaluation, or one of another task or of other cases or settings than the first
            of its split; when a method lacks a split; when a case of the picture is in none.
        ValueError: when no method is given, one is not ``NAME=FOLDER[,FOLDER...]``, or is called like a baseline or
            another's variant; when ``out`` is no ``.json``.
    """
    if Path(out).suffix != ".json":
        raise ValueError(f"out must end in .json, the tables and pictures lie beside it, got {str(out)!r}")
    if rows < 0:
        raise ValueError(f"rows must be at least 0, got {rows}")
    found = {name: [SavedEvaluation.read(f) for f in folders] for name, folders in named_folders(methods).items()}
    splits = split_evaluations(found)
    chosen = {name: several[0] for name, several in found.items()}
    first = next(iter(chosen.values()))
    result: dict[str, Any] = {
        "task": first.task.name,
        "provenance": provenance(),
        "settings": plain_settings({**first.task.settings, "resamples": resamples}),
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
    }
    if splits:
        tests = (next(iter(split.values())).report["counts"]["test"] for split in splits)
        result["counts"] = {f"test, split {j}": counts for j, counts in enumerate(tests, 1)}
        result |= {"splits": len(splits), "parts": parts_over_splits(splits), "seeds": {}}
    else:
        check_same([evaluation for several in found.values() for evaluation in several])
        parts, columns = _same_cases(chosen, resamples)
        seeds = {name: _spread(several) for name, several in found.items() if len(several) > 1}
        result |= {"parts": parts, "seeds": seeds, "columns": columns}
    keys = None if cases is None else [(str(subject), str(index)) for subject, index in cases]
    saved = {name: evaluation.cases for name, evaluation in chosen.items()}
    if rows if keys is None else keys:
        first.task.comparison_figures(Path(out).with_suffix(".png"), saved, rows, keys)
    write_json(out, result)
    text = comparison_text(first.task, result)
    with atomic_write(Path(out).with_suffix(".md")) as f:
        f.write(text)
    return text


def _same_cases(evaluations: Mapping[str, SavedEvaluation], resamples: int) -> tuple[dict[str, Any], dict[str, list]]:
    """The parts, and the values of single cases, of methods that were evaluated on the same ones."""
    first = next(iter(evaluations.values()))
    columns = {key: [row[key] for row in first.report["cases"]] for key in ("subject", "slice", *first.report["truth"])}
    interval = partial(cluster_bootstrap, clusters=columns["subject"], resamples=resamples)
    parts = {}
    for part in first.report["parts"]:
        parts[part], more = _part(part, evaluations, interval)
        columns |= more
    return parts, columns


def _part(
    part: str, evaluations: Mapping[str, SavedEvaluation], interval: Any
) -> tuple[dict[str, Any], dict[str, list]]:
    """The scores of every row, with the columns that are compared."""
    first = next(iter(evaluations.values()))
    scores: dict[str, Any] = {}
    columns: dict[str, dict[str, np.ndarray]] = {}
    about: dict[str, Any] = {}
    for title, (evaluation, method) in method_rows(part, evaluations).items():
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
    check_copies(evaluations)
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
    seeds = [seed_and_revision(evaluation.report["provenance"])[0] for evaluation in evaluations]
    return {"seeds": seeds, "parts": parts}
