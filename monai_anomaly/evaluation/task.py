# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np

from ..metrics.segmentation import ExpectedDiceThreshold
from ..utils import DataError
from .cases import Cases
from .schema import Schema
from .summary import Interval
from .tables import Column, Section, score_table

__all__ = ["ALL", "Columns", "Context", "MethodCases", "Part", "Scorer", "Summary", "Task", "column_name", "unique"]

T = TypeVar("T")

ALL = "all"
"""Name of the only part of an evaluation that has one."""
Summary = dict[str, dict[str, Any]]
"""Score -> entry: ``value``, ``n`` (cases), of a mean over cases ``sd`` and ``ci95``, and what else belongs to it."""
Columns = dict[str, np.ndarray]
"""Score -> its value of every case, (N,); NaN where it does not count."""


@dataclass(frozen=True)
class Context:
    """What a scorer knows besides the cases.

    Args:
        interval: of a mean over the cases.
        settings: of the task.
        validation: cases of the same method that may choose a threshold; None: there are none.
        threshold: what is predicted, of probabilities, is above it; see :py:func:`monai_anomaly.metrics.above`.
    """

    interval: Interval
    settings: Mapping[str, Any] = field(default_factory=dict)
    validation: Cases | None = None
    threshold: float | ExpectedDiceThreshold = 0.5


Scorer = Callable[[Cases, Context], tuple[Summary, Columns]]
"""What a method's cases score; nothing where they lack what the scorer needs."""


@dataclass(frozen=True)
class MethodCases:
    """What is scored: the method itself, a variant of it, or a trivial baseline.

    Args:
        test: cases to score.
        validation: cases of the same method that may choose a threshold.
        about: what else the report tells of it.
        threshold: what is predicted, of probabilities, is above it; see :py:func:`monai_anomaly.metrics.above`.
    """

    test: Cases
    validation: Cases | None = None
    about: Mapping[str, Any] = field(default_factory=dict)
    threshold: float | ExpectedDiceThreshold = 0.5


@dataclass(frozen=True)
class Part:
    """A part of an evaluation with a table of its own: a region of a segmentation, a site of a classification.

    Args:
        methods: name of each, and how to make its cases, one method at a time in memory; the method comes first.
        counts: of the part's cases.
        members: which test cases are in it, (N,) bool; None: all.
    """

    methods: Sequence[tuple[str, Callable[[], MethodCases]]]
    counts: Mapping[str, int] = field(default_factory=dict)
    members: np.ndarray | None = None


@dataclass(frozen=True)
class Task(ABC):
    """What an evaluation is of: the fields of its cases, the scores, the baselines, the tables and the figures.

    A subclass is a frozen dataclass whose arguments are the settings, plain values that a report records.

    Example::

        cases = Cases(AnomalyMaps.schema)
        for i in range(4):
            mask = np.zeros((1, 8, 8))
            mask[0, :i] = 1
            cases.append(image=np.random.rand(1, 8, 8), map=mask + np.random.rand(1, 8, 8), mask=mask, subject=f"s{i}")
        report = evaluate_cases(AnomalyMaps(["flair"]), cases, method="mine")
        report["parts"]["all"]["methods"]["mine"]["pixel_ap"]["value"]
    """

    name: ClassVar[str]
    schema: ClassVar[Schema]
    scorers: ClassVar[Sequence[Scorer]]
    paired: ClassVar[Sequence[str]]
    """Scores in which methods are compared case by case."""
    shown: ClassVar[Sequence[Column]] = ()
    """Scores that the tables show; those of any further scorer get a table of their own."""
    free: ClassVar[Sequence[str]] = ()
    """Settings that change no score: two evaluations that differ in them can be compared."""
    variants: ClassVar[Sequence[str]] = ()
    """What else is scored of the method itself; all other rows of a report are trivial baselines, the same ones for
    every method."""
    random: ClassVar[Sequence[str]] = ()
    """Baselines that are not quite the same ones, as they are made of a training set: with its random augmentation, or
    of some sites only."""

    @property
    def settings(self) -> dict[str, Any]:
        """Of the task, as a report records them: what JSON knows."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @abstractmethod
    def parts(
        self, test: Cases, validation: Iterable[Mapping[str, Any]] | None, training: Any, method: str
    ) -> Iterable[tuple[str, Part]]:
        """What is scored: the name of every part, and the part.

        Args:
            test: cases to score.
            validation: cases, or samples of a data set, that choose thresholds; None: there are none.
            training: samples of the training set, from which a baseline may be made; None: there is none.
            method: name of what made ``test``.
        """

    def counts(self, cases: Cases) -> dict[str, int]:
        """Of a set of cases, for the report."""
        return {"cases": len(cases), "subjects": len(set(cases["subject"]))}

    @abstractmethod
    def truth(self, cases: Cases) -> Columns:
        """What is known of every case without any method; it must be the same in evaluations that are compared."""

    @abstractmethod
    def tables(self, report: Mapping[str, Any]) -> list[Section]:
        """The tables of a report, or of a comparison, which looks the same."""

    def columns(self) -> Sequence[Column]:
        """Scores that the tables show, those included that are named after a setting."""
        return self.shown

    def sections(self, report: Mapping[str, Any]) -> list[Section]:
        """The tables, and "Further scores": those of any method that no table shows."""
        known = {name for column in self.columns() for name in (column.score, column.beside)}
        texts = {}
        for part, entry in report["parts"].items():
            scores = dict.fromkeys(s for found in entry["methods"].values() for s in found if s not in known)
            texts[part] = score_table(entry["methods"], [Column(s, s.replace("_", " "), 4) for s in scores])
        found = [text if part == ALL else f"{part}:\n\n{text}" for part, text in texts.items() if text]
        return [*self.tables(report), *([Section("Further scores", "\n\n".join(found))] if found else [])]

    @abstractmethod
    def figures(self, test: Cases, report: Mapping[str, Any], folder: Path) -> None:
        """Draw the pictures of an evaluation."""

    @abstractmethod
    def comparison_figures(
        self, path: Path, methods: Mapping[str, Callable[[], Cases]], rows: int, keys: Sequence[tuple[str, str]] | None
    ) -> None:
        """Draw several methods side by side.

        Args:
            path: of the picture; those of further parts lie beside it.
            methods: name -> what reads its cases, so that only the drawn ones stay in memory; the first decides which.
            rows: how many are shown.
            keys: subject and slice of each row instead.
        """

    def threshold(self, report: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The threshold that inference should take; None: the report has none."""
        return None


def column_name(score: str, part: str = ALL, method: str | None = None) -> str:
    """What a score is called in the table of cases.

    Args:
        score: of the case.
        part: it is of.
        method: it is of; None: the method itself.
    """
    name = score if part == ALL else f"{score}_{part}"
    return name if method is None else f"{name} ({method})"


def unique(what: str, pairs: Iterable[tuple[str, T]]) -> dict[str, T]:
    """A dictionary of pairs, none of which takes the place of another.

    Args:
        what: has the names, for the message.
        pairs: name and value of each.

    Raises:
        DataError: when two have the same name.
    """
    found: dict[str, T] = {}
    for name, value in pairs:
        if name in found:
            raise DataError(f"Expected every {what} under a name of its own, found {name!r} twice: rename one.")
        found[name] = value
    return found
