# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Losses of a classifier of images from several sites (thesis ch. 9, eqs. 1-3, and its comparators)."""

from __future__ import annotations

from .adversarial import DomainAdversarialLoss
from .center_point import CenterPointLoss
from .class_loss import ClassLoss
from .confusion import ConfusionLoss
from .contrastive import SupervisedContrastiveLoss
from .correlation import CorrelationAlignmentLoss
from .discrepancy import ContrastiveDiscrepancyLoss
from .group_dro import GroupDROLoss
from .groups import group_counts
from .latent import LatentLoss
from .site_invariant import SiteInvariantLoss
from .targets import SiteTargets

__all__ = [
    "CenterPointLoss",
    "ClassLoss",
    "ConfusionLoss",
    "ContrastiveDiscrepancyLoss",
    "CorrelationAlignmentLoss",
    "DomainAdversarialLoss",
    "GroupDROLoss",
    "LatentLoss",
    "SiteInvariantLoss",
    "SiteTargets",
    "SupervisedContrastiveLoss",
    "group_counts",
]
