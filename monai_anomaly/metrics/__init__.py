# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Thresholds and scores of anomaly maps and of healthy reconstructions."""

from __future__ import annotations

from .baselines import Baseline, mean_healthy_image, trivial_baselines
from .bootstrap import cluster_bootstrap
from .cases import AnomalyCases
from .otsu import average_otsu, otsu_threshold
from .pixel_scores import average_precision, dice_per_slice, per_slice, ranking_scores, roc_auc
from .report import evaluate
from .thresholds import Threshold, best_dice_threshold, healthy_quantile_threshold
from .translation import mean_absolute_error, structural_similarity

__all__ = [
    "AnomalyCases",
    "Baseline",
    "Threshold",
    "average_otsu",
    "average_precision",
    "best_dice_threshold",
    "cluster_bootstrap",
    "dice_per_slice",
    "evaluate",
    "healthy_quantile_threshold",
    "mean_absolute_error",
    "mean_healthy_image",
    "otsu_threshold",
    "per_slice",
    "ranking_scores",
    "roc_auc",
    "structural_similarity",
    "trivial_baselines",
]
