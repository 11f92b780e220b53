# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""One evaluation for every task: cases are collected, scored, reported and compared."""

from __future__ import annotations

from .case_file import load_cases, save_cases
from .cases import Cases
from .collect import CollectCases
from .compare import compare
from .evaluate import evaluate_cases, paired_differences
from .report import write_report
from .schema import Field, Schema
from .task import Context, MethodCases, Part, Task
from .tasks import TASKS, AnomalyMaps, Classification, Segmentation, task_of

__all__ = [
    "TASKS",
    "AnomalyMaps",
    "Cases",
    "Classification",
    "CollectCases",
    "Context",
    "Field",
    "MethodCases",
    "Part",
    "Schema",
    "Segmentation",
    "Task",
    "compare",
    "evaluate_cases",
    "load_cases",
    "paired_differences",
    "save_cases",
    "task_of",
    "write_report",
]
