# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np

from ..metrics import cluster_bootstrap
from .cases import Cases
from .summary import add_columns, case_mean
from .task import Columns, Context, MethodCases, Part, Summary, Task, column_name, unique

__all__ = ["evaluate_cases", "paired_differences"]

RESERVED = ("method", "resamples", "bootstrap_seed", "inferer")
"""Settings that a report has besides those of the task."""


def evaluate_cases(
    task: Task,
    test: Cases,
    validation: Iterable[Mapping[str, Any]] | None = None,
    training: Any = None,
    *,
    method: str = "method",
    baselines: bool = True,
    resamples: int = 2000,
    bootstrap_seed: int = 0,
) -> dict[str, Any]:
    """Score a method and, by the same functions, its variants and trivial baselines.

    Args:
        task: what is scored, and how.
        test: cases to score.
        validation: cases that choose thresholds (a data set's samples do where the task says so); None leaves those
            thresholds out.
        training: samples of the training set, for baselines; None leaves those out.
        method: name of what made ``test``.
        baselines: score the trivial baselines as well.
        resamples: of subjects, for the intervals of means over cases, see :py:func:`cluster_bootstrap`; 0: none.
        bootstrap_seed: of those.

    Returns:
        ``{"task", "settings", "counts", "parts": {part: {"counts", "methods": {name: {score: entry}}, "comparisons":
        {name: {score: paired difference}}, "about"}}, "truth": [names of those columns of "cases" that are known
        without a method], "cases": [a row per test case]}``; only dicts, lists, strings and
        numbers. An entry is ``{"value", "n", ...}``, n being the cases it comes from; a mean over cases has ``"sd"``
        and ``"ci95"``. The first method is the one that is evaluated.

    Raises:
        DataError: when two parts, methods, scores or columns have the same name, e.g. a site and the whole set, or the
            method and a baseline.
        ValueError: when a setting of the task has a name that a report uses itself.
    """
    if taken := sorted(set(RESERVED) & set(task.settings)):
        raise ValueError(f"settings of a task must not be called {', '.join(RESERVED)}, got {taken}")
    interval = partial(cluster_bootstrap, resamples=resamples, seed=bootstrap_seed)
    planned = unique("part", task.parts(test, validation, training, method))
    rows: list[dict[str, Any]] = [{"subject": subject, "slice": index} for subject, index in test.keys]
    truth = task.truth(test)
    add_columns(rows, truth)
    parts: dict[str, Any] = {}
    for name, part in planned.items():
        methods = unique(f"method of {name}", part.methods)
        wanted = {m: make for i, (m, make) in enumerate(methods.items()) if baselines or i == 0 or m in task.variants}
        parts[name], columns = _evaluate_part(task, test, part, wanted, interval)
        ours, *others = columns
        kept = [(ours, score) for score in columns[ours]]
        kept += [(other, score) for other in others for score in task.paired if score in columns[other]]
        for other, score in kept:
            title = column_name(score, name, None if other == ours else other)
            add_columns(rows, {title: _of_all(columns[other][score], part, len(test))})
    given = {"validation": validation} if isinstance(validation, Cases) and len(validation) else {}
    return {
        "task": task.name,
        "settings": {
            "method": method,
            **task.settings,
            "resamples": resamples,
            "bootstrap_seed": bootstrap_seed,
        },
        "counts": {key: task.counts(cases) for key, cases in {"test": test, **given}.items()},
        "parts": parts,
        "truth": list(truth),
        "cases": rows,
    }


def paired_differences(
    columns: Mapping[str, Mapping[str, np.ndarray]], scores: Iterable[str], interval: Any
) -> dict[str, dict[str, Any]]:
    """The first method minus each other one, on the same cases.

    Args:
        columns: method -> score -> its value of every case, (N,).
        scores: those that are compared, as far as both methods have them.
        interval: of a mean over the cases.

    Returns:
        Method -> score -> ``value``, ``sd``, ``n``, ``ci95``; nothing of a method that shares no score.
    """
    ours, *others = columns
    found = {
        other: {
            score: case_mean(columns[ours][score] - columns[other][score], interval)
            for score in scores
            if score in columns[ours] and score in columns[other]
        }
        for other in others
    }
    return {other: differences for other, differences in found.items() if differences}


def _evaluate_part(
    task: Task, test: Cases, part: Part, methods: Mapping[str, Callable[[], MethodCases]], interval: Any
) -> tuple[dict[str, Any], dict[str, Columns]]:
    subjects = test["subject"] if part.members is None else test["subject"][part.members]
    of_part = partial(interval, clusters=subjects)
    scored: dict[str, Summary] = {}
    columns: dict[str, Columns] = {}
    about: dict[str, Any] = {}
    for name, make in methods.items():
        method = make()
        context = Context(of_part, task.settings, method.validation, method.threshold)
        found = [scorer(method.test, context) for scorer in task.scorers]
        scored[name] = unique("score", (pair for summary, _ in found for pair in summary.items()))
        columns[name] = unique("column", (pair for _, column in found for pair in column.items()))
        about |= {name: dict(method.about)} if method.about else {}
    return {
        "counts": dict(part.counts),
        "methods": scored,
        "comparisons": paired_differences(columns, task.paired, of_part),
        "about": about,
    }, columns


def _of_all(values: np.ndarray, part: Part, count: int) -> np.ndarray:
    """Values of a part's cases as those of all cases, NaN where a case is not in it."""
    if part.members is None:
        return values
    full = np.full(count, np.nan)
    full[part.members] = values
    return full
