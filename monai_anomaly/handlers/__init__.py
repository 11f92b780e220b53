# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""What is attached to an engine."""

from __future__ import annotations

from .average_gradients import AverageGradients
from .case_index import CaseIndex
from .case_writer import CaseWriter
from .classifier_plateau import ClassifierPlateau
from .classifier_probability import ClassifierProbability
from .cluster_targets import ClusterTargets
from .critic_monitor import CriticMonitor
from .early_stop import EarlyStop
from .epoch_seed import EpochSeed
from .finite_loss import FiniteLoss
from .independent_segmentation import IndependentSegmentation
from .left_out_list import LeftOutList
from .level_ramp import LevelRamp
from .loss_progress import LossProgress
from .measured_values import MeasuredValues
from .moving_average import MovingAverage
from .progress import Progress
from .regressor_plateau import RegressorPlateau
from .required_classes import RequiredClasses
from .save_cases import SaveCases
from .save_classifications import SaveClassifications
from .save_segmentations import SaveSegmentations
from .save_synthetic import SaveSynthetic
from .save_translations import SaveTranslations
from .segmentation_panel import SegmentationPanel
from .short_training import ShortTraining
from .target_range import TargetRange, check_targets
from .task_segmentation import TaskSegmentation
from .tensorboard_panel import TensorBoardPanel
from .tracked_handlers import tracked_handlers
from .trained_schedule import check_schedule, trained_level
from .training_record import TrainingRecord
from .training_settings import changed_settings, training_settings
from .training_state import TrainingState
from .translation_curve import TranslationCurve
from .translation_measure import TranslationMeasure
from .translation_panel import TranslationPanel
from .weights_loader import WeightsLoader

__all__ = [
    "AverageGradients",
    "CaseIndex",
    "CaseWriter",
    "ClassifierPlateau",
    "ClassifierProbability",
    "ClusterTargets",
    "CriticMonitor",
    "EarlyStop",
    "EpochSeed",
    "FiniteLoss",
    "IndependentSegmentation",
    "LeftOutList",
    "LevelRamp",
    "LossProgress",
    "MeasuredValues",
    "MovingAverage",
    "Progress",
    "RegressorPlateau",
    "RequiredClasses",
    "SaveCases",
    "SaveClassifications",
    "SaveSegmentations",
    "SaveSynthetic",
    "SaveTranslations",
    "SegmentationPanel",
    "ShortTraining",
    "TargetRange",
    "TaskSegmentation",
    "TensorBoardPanel",
    "TrainingRecord",
    "TrainingState",
    "TranslationCurve",
    "TranslationMeasure",
    "TranslationPanel",
    "WeightsLoader",
    "changed_settings",
    "check_schedule",
    "check_targets",
    "tracked_handlers",
    "trained_level",
    "training_settings",
]
