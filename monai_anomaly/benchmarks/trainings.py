# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..evaluation.files import file_part
from ..utils import provenance, read_json, write_json
from .record import agree
from .table_plan import PlannedRow, TablePlan

__all__ = ["Training", "agree_with_earlier", "planned_trainings", "run_training", "run_trainings"]

FAILED_LINES = 2000
"""Characters at the end of a log in which its last line is looked for."""


@dataclass(frozen=True)
class Training:
    """A method on one split.

    Args:
        name: of the method.
        row: its configuration.
        split: number, from 1.
        split_id: entry that takes it.
        folder: for all that the training writes.
        title: e.g. "row 3/14 split 2/3", for messages.
    """

    name: str
    row: PlannedRow
    split: int
    split_id: str
    folder: Path
    title: str

    @property
    def output_dir(self) -> Path:
        """Of the evaluation."""
        return self.folder / "eval"

    @property
    def log(self) -> Path:
        """What the training prints."""
        return self.folder / "log.txt"

    @property
    def done(self) -> bool:
        """Whether it was evaluated."""
        return (self.output_dir / "metrics.json").is_file()

    @property
    def arguments(self) -> dict[str, Any]:
        """Of ``monai.bundle.run``."""
        places = {"ckpt_dir": str(self.folder / "models"), "output_dir": str(self.output_dir)}
        return {"config_file": list(self.row.config), **self.row.overrides, self.split_id: self.split, **places}


def planned_trainings(plan: TablePlan, names: Sequence[str], folder: Path) -> list[Training]:
    """Every method on every split, all methods on the first split first.

    Args:
        plan: the table.
        names: of the rows.
        folder: in which each training has one, ``<row>/split_<number>``.
    """
    return [
        Training(
            name=name,
            row=plan.rows[name],
            split=split,
            split_id=plan.split_id,
            folder=folder / file_part(name) / f"split_{split}",
            title=f"row {i}/{len(names)} split {split}/{plan.splits}",
        )
        for split in range(1, plan.splits + 1)
        for i, name in enumerate(names, 1)
    ]


def agree_with_earlier(trainings: Iterable[Training]) -> None:
    """Note the configuration of every row, in ``configuration.json``, or make sure that it is what was noted earlier.

    Raises:
        DataError: when it differs; it names the first entry that does.
    """
    rows = {training.name: training for training in trainings}
    for training in rows.values():
        path = training.folder.parent / "configuration.json"
        what = "the configuration of a row of a table"
        record = read_json(path, what) if path.exists() else {"provenance": provenance(), "row": training.name}
        agree(path, record, "config", training.row.used(), what="a table")
        if not path.exists():
            write_json(path, record)


def run_training(training: Training) -> str | None:
    """Train and evaluate in a process of its own; one that was interrupted is resumed by its configuration.

    Returns:
        Why it failed: the last line that it printed; None where it did not.
    """
    arguments = training.folder / "arguments.json"
    write_json(arguments, training.arguments)
    command = [sys.executable, "-m", "monai_anomaly.benchmarks.one_training", str(arguments)]
    with open(training.log, "ab") as log:
        begin = log.tell()
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        code = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, env=environment).returncode
    if code == 0 and training.done:
        return None
    if code == 0:
        return f"expected {training.output_dir / 'metrics.json'} from the run of the configuration, found none"
    last = _last_line(training.log, begin)
    return f"ended by {signal.Signals(-code).name} after: {last}" if code < 0 else last.removeprefix("error: ")


def run_trainings(
    trainings: Sequence[Training], run: Callable[[Training], str | None] = run_training
) -> dict[str, str]:
    """One after another, those that are not done; a failing one does not stop the others.

    Args:
        trainings: in their order.
        run: what trains and evaluates, and tells why it failed.

    Returns:
        Title and name of each that failed -> why.
    """
    failed: dict[str, str] = {}
    minutes: dict[str, list[float]] = {}
    missing = [training for training in trainings if not training.done]
    if done := len(trainings) - len(missing):
        print(f"{done} of {len(trainings)} trainings are done already", flush=True)
    for i, training in enumerate(missing):
        left = _minutes_left(missing[i:], minutes)
        about = "" if left is None else f", about {left:.0f} min left"
        print(f"{training.title}{about}: {training.name}, log in {training.log}", flush=True)
        start = time.monotonic()
        reason = run(training)
        if reason is None:
            minutes.setdefault(training.name, []).append((time.monotonic() - start) / 60)
        else:
            failed[f"{training.title} ({training.name})"] = reason
            print(f"{training.title}: failed: {reason}", flush=True)
    return failed


def _minutes_left(missing: Sequence[Training], minutes: dict[str, list[float]]) -> float | None:
    """By the rows' own times so far, else by those of all; None before the first."""
    if not minutes:
        return None
    usual = float(np.mean([m for found in minutes.values() for m in found]))
    return sum(float(np.mean(minutes.get(training.name, [usual]))) for training in missing)


def _last_line(log: Path, begin: int) -> str:
    """Of what was written behind some place."""
    with open(log, "rb") as f:
        end = f.seek(0, os.SEEK_END)
        f.seek(max(begin, end - FAILED_LINES))
        lines = f.read().decode(errors="replace").splitlines()
    return next((line.strip() for line in reversed(lines) if line.strip()), "nothing was printed")
