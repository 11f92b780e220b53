# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""What is attached to an engine, and the report of an evaluation."""

from __future__ import annotations

from .anomaly_report import report_evaluation
from .case_figure import case_figure
from .classifier_plateau import ClassifierPlateau
from .classifier_score import ClassifierScore
from .collect_cases import CollectCases
from .epoch_seed import EpochSeed
from .finite_loss import FiniteLoss
from .left_out_list import LeftOutList
from .level_ramp import LevelRamp
from .moving_average import MovingAverage
from .panel_figure import panel_figure, pick_slices
from .progress import Progress
from .report_files import report_table, write_report
from .save_cases import SaveCases
from .training_state import TrainingState
from .translation_panel import TranslationPanel
from .weights_loader import WeightsLoader

__all__ = [
    "ClassifierPlateau",
    "ClassifierScore",
    "CollectCases",
    "EpochSeed",
    "FiniteLoss",
    "LeftOutList",
    "LevelRamp",
    "MovingAverage",
    "Progress",
    "SaveCases",
    "TrainingState",
    "TranslationPanel",
    "WeightsLoader",
    "case_figure",
    "panel_figure",
    "pick_slices",
    "report_evaluation",
    "report_table",
    "write_report",
]
