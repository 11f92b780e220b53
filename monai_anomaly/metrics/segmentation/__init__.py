# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Scores of segmentation ensembles and of their uncertainty (thesis ch. 5)."""

from __future__ import annotations

from .calibration import ReliabilityBins, brier_score, reliability_bins
from .ensemble_size import dice_by_samples
from .expected_dice import EXPECTED_DICE, ExpectedDiceThreshold, above
from .overlap import overlap_scores
from .uncertainty import RiskCoverage, error_auroc, mean_entropy, risk_coverage

__all__ = [
    "EXPECTED_DICE",
    "ExpectedDiceThreshold",
    "ReliabilityBins",
    "RiskCoverage",
    "above",
    "brier_score",
    "dice_by_samples",
    "error_auroc",
    "mean_entropy",
    "overlap_scores",
    "reliability_bins",
    "risk_coverage",
]
