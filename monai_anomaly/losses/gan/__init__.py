# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Losses of image translation with a critic (thesis ch. 6, eqs. 1-8), one equation per file."""

from __future__ import annotations

from .critic import TranslationCriticLoss
from .discriminator_class import DiscriminatorClassLoss
from .generator import TranslationGeneratorLoss
from .gradient_penalty import GradientPenalty, ZeroCenteredPenalty
from .image_class import ImageClassLoss
from .image_distance import ImageDistance
from .least_squares import LeastSquaresCriticLoss, LeastSquaresGeneratorLoss
from .relativistic import RelativisticCriticLoss, RelativisticGeneratorLoss
from .targets import translation_targets
from .wasserstein import WassersteinCriticLoss, WassersteinGeneratorLoss

__all__ = [
    "DiscriminatorClassLoss",
    "GradientPenalty",
    "ImageClassLoss",
    "ImageDistance",
    "LeastSquaresCriticLoss",
    "LeastSquaresGeneratorLoss",
    "RelativisticCriticLoss",
    "RelativisticGeneratorLoss",
    "TranslationCriticLoss",
    "TranslationGeneratorLoss",
    "WassersteinCriticLoss",
    "WassersteinGeneratorLoss",
    "ZeroCenteredPenalty",
    "translation_targets",
]
