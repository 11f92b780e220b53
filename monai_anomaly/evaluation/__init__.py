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
from .summary import case_mean, score
from .task import Columns, Context, MethodCases, Part, Scorer, Summary, Task
from .tasks import TASKS, AnomalyMaps, Classification, Segmentation, SiteClassification, Translation, task_of

__all__ = [
    "TASKS",
    "AnomalyMaps",
    "Cases",
    "Classification",
    "CollectCases",
    "Columns",
    "Context",
    "Field",
    "MethodCases",
    "Part",
    "Schema",
    "Scorer",
    "Segmentation",
    "SiteClassification",
    "Summary",
    "Task",
    "Translation",
    "case_mean",
    "compare",
    "evaluate_cases",
    "load_cases",
    "paired_differences",
    "save_cases",
    "score",
    "task_of",
    "write_report",
]
