# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..utils import process_rank, provenance, read_model_record
from .case_file import save_cases
from .cases import Cases
from .collect import CollectCases
from .evaluate import evaluate_cases
from .files import write_metrics
from .origin import origin_line
from .task import Task
from .threshold_file import write_threshold

__all__ = ["report_text", "sizes_text", "write_report"]


def write_report(
    task: Task,
    test: CollectCases | Cases,
    output_dir: str | os.PathLike,
    validation: CollectCases | Cases | Iterable[Mapping[str, Any]] | None = None,
    training: CollectCases | Cases | Iterable[Mapping[str, Any]] | None = None,
    method: str = "method",
    config: str = "",
    seed: int | None = None,
    settings: Mapping[str, Any] | None = None,
    threshold_file: str | os.PathLike | None = None,
    model_file: str | os.PathLike | None = None,
    keep_cases: bool = False,
    **options: Any,
) -> dict[str, Any]:
    """Score a test set with trivial baselines beside it, print the tables, and leave files and pictures.

    The last step of a bundle's ``run``. Writes the task's pictures, ``metrics.csv``, ``metrics.md`` and, when all else
    is there, ``metrics.json``; in a distributed run the first process does.

    Args:
        task: what is scored, and how.
        test: cases to score.
        output_dir: folder to write to.
        validation: cases, or samples of a data set where the task needs no prediction, that choose thresholds.
        training: samples of the training set, from which the task makes a baseline, or its cases with what the method
            made of them, from which a task may make a variant of the method as well.
        method: name of what made ``test``.
        config: name of the configuration, for the record.
        seed: seed of the run, for the record; that of the training is the model's.
        settings: of the inferer, for the record.
        threshold_file: JSON that the threshold chosen on validation goes to, for inference, see `write_threshold`; None
            for none.
        model_file: weights that were evaluated, for the record; None: not told.
        keep_cases: write ``cases.npz`` too, from which the methods of a comparison are drawn.
        **options: further arguments of :py:func:`evaluate_cases`.

    Returns:
        The report, as in ``metrics.json`` without the provenance.

    Example::

        cases = Cases(Classification.schema)
        for i in range(6):
            cases.append(f"subject {i}", logits=torch.randn(2), label=i % 2)
        write_report(Classification(["healthy", "diseased"]), cases, "eval", method="mine")  # eval/metrics.md, ...
    """
    test = test.cases if isinstance(test, CollectCases) else test
    validation = validation.cases if isinstance(validation, CollectCases) else validation
    training = training.cases if isinstance(training, CollectCases) else training
    found = evaluate_cases(task, test, validation, training, method=method, **options)
    if settings is not None:
        found["settings"]["inferer"] = dict(settings)
    if process_rank() > 0:
        return found
    folder = Path(output_dir)
    model = None if model_file is None else read_model_record(model_file)
    about = provenance(config, seed) | {"run": uuid.uuid4().hex} | ({} if model is None else {"model": model})
    text = report_text(task, found, about)
    print(text)
    threshold = task.threshold(found)
    if threshold_file is not None and threshold is not None:
        write_threshold(threshold_file, threshold, model)
    task.figures(test, found, folder)
    if keep_cases:
        save_cases(test, folder / "cases.npz", about["run"])
    write_metrics(found, text, folder, about)  # last: where it is, an evaluation counts as done
    return found


def report_text(task: Task, found: Mapping[str, Any], about: Mapping[str, Any]) -> str:
    """The tables of a report as Markdown that is also aligned in a terminal.

    Args:
        task: of the report.
        found: result of :py:func:`evaluate_cases`.
        about: result of :py:func:`provenance`.
    """
    sections = [str(section) for section in task.sections(found)]
    origin = origin_line(about, found["settings"])
    return "\n\n".join(["# Evaluation", sizes_text(found["counts"]), *sections, origin]) + "\n"


def sizes_text(counts: Mapping[str, Mapping[str, int]]) -> str:
    """A line per set of cases, with what it holds."""
    return "\n".join(
        f"- {name}: " + ", ".join(f"{count} {what.replace('_', ' ')}" for what, count in found.items())
        for name, found in counts.items()
    )
