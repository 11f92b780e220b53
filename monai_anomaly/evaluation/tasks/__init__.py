# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""The tasks that are evaluated; a new one is a module here and a line in ``TASKS``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from ..task import Task
from .anomaly_maps import AnomalyMaps
from .classification import Classification
from .segmentation import Segmentation
from .site_classification import SiteClassification
from .translation import Translation

__all__ = ["TASKS", "AnomalyMaps", "Classification", "Segmentation", "SiteClassification", "Translation", "task_of"]

TASKS: dict[str, type[Task]] = {
    task.name: task for task in (AnomalyMaps, Segmentation, Classification, SiteClassification, Translation)
}


def task_of(report: Mapping[str, Any]) -> Task:
    """The task of a report, with the report's settings.

    Args:
        report: content of a ``metrics.json``.

    Raises:
        KeyError: when there is no such task.
        TypeError: when its settings are not those of the report.
        ValueError: when a setting has a value that it cannot have.
    """
    task, settings = TASKS[report["task"]], dict(report["settings"])
    for field in fields(task):
        if field.type == "float" and isinstance(settings.get(field.name), str):
            settings[field.name] = float(settings[field.name])  # JSON knows no -inf
    return task(**{field.name: settings[field.name] for field in fields(task) if field.name in settings})
