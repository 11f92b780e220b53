# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ...utils import DataError
from ...visualize import confusion_figure
from ..cases import Cases
from ..schema import Field, Schema
from ..scorers import score_classes
from ..tables import INTERVAL_LEGEND, Column, Section, difference_table, legend_of, score_table
from ..task import ALL, Columns, MethodCases, Part, Scorer, Task, unique
from .baselines import most_frequent_class

__all__ = ["COMPARED_LEGEND", "MOST_FREQUENT", "SCORES", "Classification"]

MOST_FREQUENT = "most frequent"

SCHEMA = Schema(
    "classification",
    (
        Field("logits", "float", ("K",), required=True, made=True),
        Field("label", "label", required=True),
        Field("site", "text"),
    ),
)
SCORES = (
    Column("accuracy", "accuracy"),
    Column("balanced_accuracy", "balanced accuracy"),
    Column("kappa", "kappa"),
    Column("auroc", "AUROC"),
    Column("accuracy", "n", 0, key="n"),
)
LEGEND = """\
Balanced accuracy: mean over the classes of the share called right; kappa: Cohen's; AUROC: of more than two classes the
mean over the classes of each against all others. "most frequent": the class that most of the training set has, for
every case."""
COMPARED_LEGEND = """\
Paired: the mean over the cases of the first row's accuracy minus the other's, with its 95 % interval. An interval that
holds 0: not decided by this test set."""


@dataclass(frozen=True)
class Classification(Task):
    """Classes of images or of whole volumes, any number of them, on all cases and on those of every site.

    A case has ``logits`` (K,) and a ``label`` (-1: unknown), and may have a ``site``, e.g. a scanner; no image is kept,
    so cases may be volumes of any size. Sites are parts of the evaluation, where there are several.

    Args:
        class_names: name of every class.

    Example::

        cases = Cases(Classification.schema)
        for i in range(6):
            cases.append(f"subject {i}", logits=torch.randn(2), label=i % 2, site="north" if i < 3 else "south")
        report = evaluate_cases(Classification(["healthy", "diseased"]), cases, training=[{"label": 1}])
        list(report["parts"])  # ["all", "north", "south"]
    """

    class_names: Sequence[str]

    name: ClassVar[str] = "classification"
    schema: ClassVar[Schema] = SCHEMA
    scorers: ClassVar[Sequence[Scorer]] = (score_classes,)
    paired: ClassVar = ("accuracy",)
    shown: ClassVar = SCORES

    def parts(
        self, test: Cases, validation: Iterable[Mapping[str, Any]] | None, training: Any, method: str
    ) -> list[tuple[str, Part]]:
        """All cases, and the cases of every site; the most frequent class of the training set beside the method.

        Raises:
            DataError: when the names do not fit the logits, or a label, also of the training set, has no name.
        """
        count, labels = test["logits"].shape[1], test["label"]
        if len(self.class_names) != count:
            raise DataError(f"Expected {count} class names, found {list(self.class_names)}.")
        if labels.max() >= count:
            raise DataError(f"Expected labels below {count}, found {labels.max()}.")
        methods = [(method, MethodCases(test)), *self.beside(test, training)]
        frequent = None if training is None else most_frequent_class(training, count)
        if frequent is not None:
            methods.append((MOST_FREQUENT, MethodCases(_constant(test, frequent))))
        parts = []
        for name, some in self.members(test):
            size = len(test) if some is None else int(some.sum())
            wanted = [(title, partial(_of_part, found, some)) for title, found in methods]
            parts.append((name, Part(wanted, {"cases": size}, some)))
        return parts

    def members(self, test: Cases) -> list[tuple[str, np.ndarray | None]]:
        """Name of every part, and which cases are in it, (N,) bool, None: all."""
        sites = sorted({str(site) for site in test["site"] if site})
        return [(ALL, None), *((site, test["site"] == site) for site in sites if len(sites) > 1)]

    def beside(self, test: Cases, training: Any) -> list[tuple[str, MethodCases]]:
        """Variants of the method that are scored beside it: none."""
        return []

    def counts(self, cases: Cases) -> dict[str, int]:
        """Of a set of cases, for the report."""
        sizes = ((f"class {name}", int((cases["label"] == c).sum())) for c, name in enumerate(self.class_names))
        return {**super().counts(cases), **unique("class", sizes)}

    def truth(self, cases: Cases) -> Columns:
        """Label and site."""
        return {"label": cases["label"], "site": cases["site"]}

    def tables(self, report: Mapping[str, Any]) -> list[Section]:
        """Scores and differences of every part."""
        parts = report["parts"]
        titles = {name: f"{name}: {part['counts']['cases']} cases" for name, part in parts.items()}
        sections = [Section(titles[name], score_table(part["methods"], SCORES)) for name, part in parts.items()]
        sections.append(Section("", legend_of(report, LEGEND, INTERVAL_LEGEND)))
        for name, part in parts.items():
            if table := difference_table(part["comparisons"], (Column("accuracy", "accuracy"),)):
                sections.append(Section(f"First row minus each other, {name}", table))
        legend = legend_of(report, "", COMPARED_LEGEND) if len(sections) > len(parts) + 1 else ""
        return [*sections, Section("", legend)] if legend else sections

    def figures(self, test: Cases, report: Mapping[str, Any], folder: Path) -> None:
        """``confusion.png``: a confusion matrix per part."""
        own = {name: next(iter(part["methods"].values())) for name, part in report["parts"].items()}
        matrices = {name: np.array(scores["accuracy"]["confusion"]) for name, scores in own.items()}
        confusion_figure(folder / "confusion.png", matrices, self.class_names)

    def comparison_figures(
        self, path: Path, methods: Mapping[str, Callable[[], Cases]], rows: int, keys: Sequence[tuple[str, str]] | None
    ) -> None:
        """None: cases have no images."""


def _constant(cases: Cases, label: int) -> Cases:
    """The cases as the trivial classifier has them, which has no latent."""
    count = cases["logits"].shape[1]
    return cases.replace(
        logits=np.tile(np.eye(count)[label], (len(cases), 1)),
        **{name: None for name in cases.schema.names if cases.schema[name].made and name != "logits"},
    )


def _of_part(method: MethodCases, members: np.ndarray | None) -> MethodCases:
    """A method's cases of one part."""
    return method if members is None else replace(method, test=method.test.subset(np.flatnonzero(members)))
