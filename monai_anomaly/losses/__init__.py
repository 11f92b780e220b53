# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Losses, one idea a file."""

from __future__ import annotations

from .aleatoric import AleatoricLoss
from .constrained_vae import ConstrainedVAELoss
from .deep_supervision import StackedDeepSupervisionLoss
from .gan import (
    DiscriminatorClassLoss,
    GradientPenalty,
    ImageClassLoss,
    ImageDistance,
    TranslationCriticLoss,
    TranslationGeneratorLoss,
    WassersteinCriticLoss,
    WassersteinGeneratorLoss,
    translation_targets,
)
from .guided_diffusion import GuidedDiffusionLoss
from .hybrid import HybridDiffusionLoss
from .mask_diffusion import MaskDiffusionLoss
from .vae import VAELoss

__all__ = [
    "AleatoricLoss",
    "ConstrainedVAELoss",
    "DiscriminatorClassLoss",
    "GradientPenalty",
    "GuidedDiffusionLoss",
    "HybridDiffusionLoss",
    "ImageClassLoss",
    "ImageDistance",
    "MaskDiffusionLoss",
    "StackedDeepSupervisionLoss",
    "TranslationCriticLoss",
    "TranslationGeneratorLoss",
    "VAELoss",
    "WassersteinCriticLoss",
    "WassersteinGeneratorLoss",
    "translation_targets",
]
