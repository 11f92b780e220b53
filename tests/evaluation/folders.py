# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Folders as evaluations leave them, without their pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from monai_anomaly.evaluation import Cases, Task, evaluate_cases, save_cases
from monai_anomaly.evaluation.files import write_metrics
from monai_anomaly.utils import provenance


def write_folder(
    folder: Path,
    task: Task,
    test: Cases,
    validation: Any = None,
    training: Any = None,
    seed: int = 0,
    trained: Any = None,
) -> str:
    """``metrics.json`` and ``cases.npz`` of an evaluation; ``trained``: what is known of the training of its model."""
    report, run = evaluate_cases(task, test, validation, training, resamples=0), str(folder)
    model = {} if trained is None else {"model": {"file": "model.pt", "sha256": "ab", "training": trained}}
    write_metrics(report, "", folder, provenance("quick", seed) | {"run": run} | model)
    save_cases(test, folder / "cases.npz", run)
    return str(folder)
