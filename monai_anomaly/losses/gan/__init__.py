# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Losses of image translation with a Wasserstein critic (thesis ch. 6, eqs. 1-8), one equation a file."""

from __future__ import annotations

from .critic import TranslationCriticLoss
from .generator import TranslationGeneratorLoss
from .gradient_penalty import GradientPenalty
from .image_class import ImageClassLoss
from .image_distance import ImageDistance
from .instance_noise import add_instance_noise
from .targets import translation_targets
from .wasserstein import WassersteinCriticLoss, WassersteinGeneratorLoss

__all__ = [
    "GradientPenalty",
    "ImageClassLoss",
    "ImageDistance",
    "TranslationCriticLoss",
    "TranslationGeneratorLoss",
    "WassersteinCriticLoss",
    "WassersteinGeneratorLoss",
    "add_instance_noise",
    "translation_targets",
]
