# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Transforms in MONAI's manner: an array class and a dictionary class (name + ``d``) a file."""

from __future__ import annotations

from .anomaly_map import AnomalyMap
from .check_image import CheckImage, CheckImageD, CheckImaged, CheckImageDict
from .fit_slice import FitSliceD, FitSliced, FitSliceDict
from .load_modalities import LoadModalities, LoadModalitiesD, LoadModalitiesd, LoadModalitiesDict
from .otsu_threshold import OtsuThreshold, OtsuThresholdD, OtsuThresholdd, OtsuThresholdDict
from .resample import ResampleToSpacingD, ResampleToSpacingd, ResampleToSpacingDict
from .scale_intensity_brain import (
    ScaleIntensityByBrain,
    ScaleIntensityByBrainD,
    ScaleIntensityByBraind,
    ScaleIntensityByBrainDict,
)
from .split_translation import SplitTranslationD, SplitTranslationd, SplitTranslationDict
from .threshold_map import ThresholdMapD, ThresholdMapd, ThresholdMapDict

__all__ = [
    "AnomalyMap",
    "CheckImage",
    "CheckImageD",
    "CheckImageDict",
    "CheckImaged",
    "FitSliceD",
    "FitSliceDict",
    "FitSliced",
    "LoadModalities",
    "LoadModalitiesD",
    "LoadModalitiesDict",
    "LoadModalitiesd",
    "OtsuThreshold",
    "OtsuThresholdD",
    "OtsuThresholdDict",
    "OtsuThresholdd",
    "ResampleToSpacingD",
    "ResampleToSpacingDict",
    "ResampleToSpacingd",
    "ScaleIntensityByBrain",
    "ScaleIntensityByBrainD",
    "ScaleIntensityByBrainDict",
    "ScaleIntensityByBraind",
    "SplitTranslationD",
    "SplitTranslationDict",
    "SplitTranslationd",
    "ThresholdMapD",
    "ThresholdMapDict",
    "ThresholdMapd",
]
