# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""What MONAI's trainers and evaluators do not do by themselves."""

from __future__ import annotations

from .case_evaluator import CaseEvaluator
from .class_batch import ClassPrepareBatch
from .critic_trainer import CriticTrainer
from .mask_recycling import MaskRecycling
from .noisy_batch import NoisyPrepareBatch
from .noisy_mask_batch import NoisyMaskPrepareBatch
from .noisy_site_batch import NoisySitePrepareBatch
from .site_batch import SitePrepareBatch
from .target_batch import TargetPrepareBatch
from .translation_batch import TranslationPrepareBatch

__all__ = [
    "CaseEvaluator",
    "ClassPrepareBatch",
    "CriticTrainer",
    "MaskRecycling",
    "NoisyMaskPrepareBatch",
    "NoisyPrepareBatch",
    "NoisySitePrepareBatch",
    "SitePrepareBatch",
    "TargetPrepareBatch",
    "TranslationPrepareBatch",
]
