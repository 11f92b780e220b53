# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Thresholds and scores of anomaly maps, healthy reconstructions, segmentations and latents: of plain arrays."""

from __future__ import annotations

from .agreement import cohen_kappa, log_odds
from .bootstrap import cluster_bootstrap
from .combat import ComBat
from .conformal import conformal_case_threshold, conformal_share_threshold, needed_cases, thinned
from .line import line_moments, pearson_of, slope_of
from .otsu import average_otsu, otsu_threshold
from .pixel_scores import dice_per_slice, per_slice, ranking_scores, roc_auc
from .plane import plane_of
from .segmentation import (
    ExpectedDiceThreshold,
    ReliabilityBins,
    RiskCoverage,
    above,
    brier_score,
    dice_by_samples,
    error_auroc,
    mean_entropy,
    overlap_scores,
    reliability_bins,
    risk_coverage,
)
from .site_probe import SiteProbe, site_probe
from .summed_difference import summed_difference
from .thresholds import Threshold, best_dice_threshold, healthy_quantile_threshold
from .translation import mean_absolute_error, mean_squared_error, regional_similarity, structural_similarity

__all__ = [
    "ComBat",
    "ExpectedDiceThreshold",
    "ReliabilityBins",
    "RiskCoverage",
    "SiteProbe",
    "Threshold",
    "above",
    "average_otsu",
    "best_dice_threshold",
    "brier_score",
    "cluster_bootstrap",
    "cohen_kappa",
    "conformal_case_threshold",
    "conformal_share_threshold",
    "dice_by_samples",
    "dice_per_slice",
    "error_auroc",
    "healthy_quantile_threshold",
    "line_moments",
    "log_odds",
    "mean_absolute_error",
    "mean_entropy",
    "mean_squared_error",
    "needed_cases",
    "otsu_threshold",
    "overlap_scores",
    "pearson_of",
    "per_slice",
    "plane_of",
    "ranking_scores",
    "regional_similarity",
    "reliability_bins",
    "risk_coverage",
    "roc_auc",
    "site_probe",
    "slope_of",
    "structural_similarity",
    "summed_difference",
    "thinned",
]
