# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Inferers: ``inferer(inputs, network)``, stateless; the result is a dictionary of named fields."""

from __future__ import annotations

from .anomaly_map import AnomalyMap
from .autocast import AutocastInferer
from .class_map import ClassMapInferer
from .classification import ClassificationInferer
from .classifier_maps import GradCAMInferer, SaliencyMapInferer
from .dropout_ensemble import DropoutEnsembleInferer
from .gan_translation import GANTranslationInferer
from .latent import LatentInferer
from .logit_ensemble import LogitEnsembleInferer
from .mask_ensemble import MaskEnsembleInferer
from .reconstruction import ReconstructionInferer
from .resampling import MaskedResampling
from .segmentation import SlicewiseSegmentationInferer
from .single_pass import SinglePassInferer
from .slicewise import Results, SlicewiseInferer
from .slicewise_map import SlicewiseMapInferer, SlicewiseReconstructionInferer
from .translation import TranslationInferer
from .translation_scheme import Encoding, TranslationScheme

__all__ = [
    "AnomalyMap",
    "AutocastInferer",
    "ClassMapInferer",
    "ClassificationInferer",
    "DropoutEnsembleInferer",
    "Encoding",
    "GANTranslationInferer",
    "GradCAMInferer",
    "LatentInferer",
    "LogitEnsembleInferer",
    "MaskEnsembleInferer",
    "MaskedResampling",
    "ReconstructionInferer",
    "Results",
    "SaliencyMapInferer",
    "SinglePassInferer",
    "SlicewiseInferer",
    "SlicewiseMapInferer",
    "SlicewiseReconstructionInferer",
    "SlicewiseSegmentationInferer",
    "TranslationInferer",
    "TranslationScheme",
]
