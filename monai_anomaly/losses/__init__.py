# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Losses, one idea per file."""

from __future__ import annotations

from .aleatoric import AleatoricLoss, split_mean_sigma
from .constrained_vae import ConstrainedVAELoss
from .deep_supervision import StackedDeepSupervisionLoss
from .domain import (
    CenterPointLoss,
    ClassLoss,
    ConfusionLoss,
    ContrastiveDiscrepancyLoss,
    CorrelationAlignmentLoss,
    DomainAdversarialLoss,
    GroupDROLoss,
    LatentLoss,
    SiteInvariantLoss,
    SiteTargets,
    SupervisedContrastiveLoss,
    group_counts,
)
from .gan import (
    DiscriminatorClassLoss,
    GradientPenalty,
    ImageClassLoss,
    ImageDistance,
    LeastSquaresCriticLoss,
    LeastSquaresGeneratorLoss,
    RelativisticCriticLoss,
    RelativisticGeneratorLoss,
    TranslationCriticLoss,
    TranslationGeneratorLoss,
    WassersteinCriticLoss,
    WassersteinGeneratorLoss,
    ZeroCenteredPenalty,
    translation_targets,
)
from .guided_diffusion import GuidedDiffusionLoss
from .hybrid import HybridDiffusionLoss
from .likelihood import discretized_gaussian_log_likelihood, gaussian_kl
from .mask_diffusion import MaskDiffusionLoss
from .tasks import ClassificationLoss, RegressionLoss, SegmentationLoss, SiteInvariantTaskLoss, TaskLoss
from .vae import VAELoss

__all__ = [
    "AleatoricLoss",
    "CenterPointLoss",
    "ClassLoss",
    "ClassificationLoss",
    "ConfusionLoss",
    "ConstrainedVAELoss",
    "ContrastiveDiscrepancyLoss",
    "CorrelationAlignmentLoss",
    "DiscriminatorClassLoss",
    "DomainAdversarialLoss",
    "GradientPenalty",
    "GroupDROLoss",
    "GuidedDiffusionLoss",
    "HybridDiffusionLoss",
    "ImageClassLoss",
    "ImageDistance",
    "LatentLoss",
    "LeastSquaresCriticLoss",
    "LeastSquaresGeneratorLoss",
    "MaskDiffusionLoss",
    "RegressionLoss",
    "RelativisticCriticLoss",
    "RelativisticGeneratorLoss",
    "SegmentationLoss",
    "SiteInvariantLoss",
    "SiteInvariantTaskLoss",
    "SiteTargets",
    "StackedDeepSupervisionLoss",
    "SupervisedContrastiveLoss",
    "TaskLoss",
    "TranslationCriticLoss",
    "TranslationGeneratorLoss",
    "VAELoss",
    "WassersteinCriticLoss",
    "WassersteinGeneratorLoss",
    "ZeroCenteredPenalty",
    "discretized_gaussian_log_likelihood",
    "gaussian_kl",
    "group_counts",
    "split_mean_sigma",
    "translation_targets",
]
