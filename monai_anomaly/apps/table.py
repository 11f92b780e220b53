# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..benchmarks.setup import chosen_settings
from ..benchmarks.table_plan import TablePlan
from ..benchmarks.trainings import agree_with_earlier, planned_trainings, run_trainings
from ..evaluation import compare
from ..utils import DataError, in_shard

__all__ = ["table"]


def table(
    plan: str | os.PathLike,
    out: str | os.PathLike,
    splits: int | None = None,
    only: str | Sequence[str] | None = None,
    shard: str | None = None,
    rows: int = 3,
    **overrides: Any,
) -> str:
    """Train and evaluate several methods on several random splits, and compare them in one table.

    Every training is a ``monai.bundle`` run in a process of its own, with the threads of this one's environment. It
    writes to ``<row>/split_<number>`` beside ``out``: ``models``, ``eval``, ``log.txt`` and ``arguments.json``. One
    that has its ``eval/metrics.json`` is not run again, one that was interrupted resumes. When all are there, whichever
    call ends last, the table is written by :py:func:`compare`.

    Examples:
        monai-anomaly table bundles/l2i_classification/configs/table.json results.json
        monai-anomaly table plan.json results.json --splits 5 --shard 2/3

    Args:
        plan: JSON with the methods, see `TablePlan`.
        out: JSON to write; beside it the tables, as ``.md``, and the picture of the task, as ``.png``.
        splits: how many; None: as the plan says. More can be added later.
        only: names (or parts of names) of the rows; None: all. The table has these.
        shard: ``"2/3"``: of all trainings in turn every third, from the second, for this machine; None: all.
        rows: cases of the picture; 0: no picture.
        **overrides: of the configuration of all rows, e.g. ``epochs``.

    Returns:
        The table, or how many trainings of other shards it waits for.

    Raises:
        DataError: when the plan or a configuration is none, an earlier call in the same folder had another
            configuration, or a training failed, with the last line that each of those printed.
        ValueError: when an argument is out of range.
    """
    out = Path(out)
    if out.suffix != ".json":
        raise ValueError(f"out must end in .json, the tables and trainings lie beside it, got {str(out)!r}")
    if "," in str(out):
        raise ValueError(f"out must be in a folder without a comma, which would divide two, got {str(out)!r}")
    if splits is not None and (isinstance(splits, bool) or not isinstance(splits, int) or splits < 1):
        raise ValueError(f"splits must be a whole number, at least 1, got {splits!r}")
    planned = TablePlan.read(plan, overrides)
    planned = planned if splits is None else replace(planned, splits=splits)
    names = chosen_settings(planned.rows, only)
    trainings = planned_trainings(planned, names, out.parent)
    of_shard = in_shard(trainings, shard)
    agree_with_earlier(trainings)
    failed = run_trainings(of_shard)
    if failed:
        reasons = "\n".join(f"  {title}: {reason}" for title, reason in failed.items())
        raise DataError(f"{out}: expected every training to succeed, found {len(failed)} that failed:\n{reasons}")
    if waiting := sum(not training.done for training in trainings):
        return f"{waiting} of {len(trainings)} trainings are left to other shards; the last one writes {out}"
    folders = {name: [str(t.output_dir) for t in trainings if t.name == name] for name in names}
    return compare(out, *(f"{name}={','.join(found)}" for name, found in folders.items()), rows=rows)
