# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Thresholds and scores of anomaly maps, healthy reconstructions and segmentations."""

from __future__ import annotations

from .baselines import Baseline, mean_healthy_image, trivial_baselines
from .bootstrap import cluster_bootstrap
from .cases import AnomalyCases
from .classification import cohen_kappa
from .otsu import average_otsu, otsu_threshold
from .pixel_scores import dice_per_slice, per_slice, ranking_scores, roc_auc
from .report import evaluate
from .segmentation import (
    ChannelThreshold,
    ReliabilityBins,
    RiskCoverage,
    SegmentationCases,
    best_channel_threshold,
    brier_score,
    dice_by_samples,
    error_auroc,
    evaluate_segmentation,
    mean_entropy,
    overlap_scores,
    reliability_bins,
    risk_coverage,
)
from .thresholds import Threshold, best_dice_threshold, healthy_quantile_threshold
from .translation import mean_absolute_error, mean_squared_error, structural_similarity

__all__ = [
    "AnomalyCases",
    "Baseline",
    "ChannelThreshold",
    "ReliabilityBins",
    "RiskCoverage",
    "SegmentationCases",
    "Threshold",
    "average_otsu",
    "best_channel_threshold",
    "best_dice_threshold",
    "brier_score",
    "cluster_bootstrap",
    "cohen_kappa",
    "dice_by_samples",
    "dice_per_slice",
    "error_auroc",
    "evaluate",
    "evaluate_segmentation",
    "healthy_quantile_threshold",
    "mean_absolute_error",
    "mean_entropy",
    "mean_healthy_image",
    "mean_squared_error",
    "otsu_threshold",
    "overlap_scores",
    "per_slice",
    "ranking_scores",
    "reliability_bins",
    "risk_coverage",
    "roc_auc",
    "structural_similarity",
    "trivial_baselines",
]
