# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from ..utils import DataError
from .saved import SavedEvaluation, differing_score

__all__ = ["Row", "check_copies", "method_rows"]

Row = tuple[SavedEvaluation, str]
"""An evaluation, and what its report calls the method of the row."""


def method_rows(part: str, evaluations: Mapping[str, SavedEvaluation]) -> dict[str, Row]:
    """Every method and its variants, then the trivial baselines: once, as the same cases have the same ones; one of a
    random augmentation, or of another training set, again, with the method's name, where a method has another.

    Args:
        part: of the evaluations.
        evaluations: name -> evaluation, all of the same cases.

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


def check_copies(evaluations: Iterable[SavedEvaluation]) -> None:
    """Make sure that every evaluation of a method is one of its own.

    Raises:
        DataError: when one is a copy of another.
    """
    known: dict[str, SavedEvaluation] = {}
    for evaluation in evaluations:
        if (origin := known.setdefault(evaluation.report["provenance"]["run"], evaluation)) is not evaluation:
            raise DataError(f"{evaluation.path}: expected another training than {origin.path}, found a copy of it")
