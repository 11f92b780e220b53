# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Transforms in MONAI's manner: an array class and a dictionary class (name + ``d``) per file."""

from __future__ import annotations

from .brain_extraction import BrainExtraction, BrainExtractionD, BrainExtractiond, BrainExtractionDict
from .change_space import ChangeSpace
from .check_image import CheckImage, CheckImageD, CheckImaged, CheckImageDict
from .decode_mask import DecodeMaskD, DecodeMaskd, DecodeMaskDict
from .desired_mask import DesiredMask, DesiredMaskD, DesiredMaskd, DesiredMaskDict
from .fit_slice import FitSliceD, FitSliced, FitSliceDict
from .fit_volume import FitVolumeD, FitVolumed, FitVolumeDict
from .foreground import Foreground, find_foreground
from .lesion_fraction import LesionFraction, LesionFractionD, LesionFractiond, LesionFractionDict
from .load_modalities import LoadModalities, LoadModalitiesD, LoadModalitiesd, LoadModalitiesDict
from .mask_encoding import EncodeMaskD, EncodeMaskd, EncodeMaskDict, MaskEncoding
from .mask_region import MaskRegionD, MaskRegiond, MaskRegionDict
from .n4_bias_field import N4BiasField, N4BiasFieldD, N4BiasFieldd, N4BiasFieldDict
from .register_session import RegisterSession, RegisterSessionD, RegisterSessiond, RegisterSessionDict
from .register_to_template import RegisterToTemplate, RegisterToTemplateD, RegisterToTemplated, RegisterToTemplateDict
from .resample_to_spacing import ResampleToSpacingD, ResampleToSpacingd, ResampleToSpacingDict
from .resample_to_template import ResampleToTemplate, ResampleToTemplateD, ResampleToTemplated, ResampleToTemplateDict
from .scale_intensity_by_brain import (
    ScaleIntensityByBrain,
    ScaleIntensityByBrainD,
    ScaleIntensityByBraind,
    ScaleIntensityByBrainDict,
)
from .scale_intensity_by_type import (
    ScaleIntensityByType,
    ScaleIntensityByTypeD,
    ScaleIntensityByTyped,
    ScaleIntensityByTypeDict,
)
from .shown_result import ShownResultD, ShownResultd, ShownResultDict
from .signed_difference import SignedDifferenceD, SignedDifferenced, SignedDifferenceDict
from .threshold_map import ThresholdMapD, ThresholdMapd, ThresholdMapDict
from .world_displacement import WorldDisplacementD, WorldDisplacementd, WorldDisplacementDict

__all__ = [
    "BrainExtraction",
    "BrainExtractionD",
    "BrainExtractionDict",
    "BrainExtractiond",
    "ChangeSpace",
    "CheckImage",
    "CheckImageD",
    "CheckImageDict",
    "CheckImaged",
    "DecodeMaskD",
    "DecodeMaskDict",
    "DecodeMaskd",
    "DesiredMask",
    "DesiredMaskD",
    "DesiredMaskDict",
    "DesiredMaskd",
    "EncodeMaskD",
    "EncodeMaskDict",
    "EncodeMaskd",
    "FitSliceD",
    "FitSliceDict",
    "FitSliced",
    "FitVolumeD",
    "FitVolumeDict",
    "FitVolumed",
    "Foreground",
    "LesionFraction",
    "LesionFractionD",
    "LesionFractionDict",
    "LesionFractiond",
    "LoadModalities",
    "LoadModalitiesD",
    "LoadModalitiesDict",
    "LoadModalitiesd",
    "MaskEncoding",
    "MaskRegionD",
    "MaskRegionDict",
    "MaskRegiond",
    "N4BiasField",
    "N4BiasFieldD",
    "N4BiasFieldDict",
    "N4BiasFieldd",
    "RegisterSession",
    "RegisterSessionD",
    "RegisterSessionDict",
    "RegisterSessiond",
    "RegisterToTemplate",
    "RegisterToTemplateD",
    "RegisterToTemplateDict",
    "RegisterToTemplated",
    "ResampleToSpacingD",
    "ResampleToSpacingDict",
    "ResampleToSpacingd",
    "ResampleToTemplate",
    "ResampleToTemplateD",
    "ResampleToTemplateDict",
    "ResampleToTemplated",
    "ScaleIntensityByBrain",
    "ScaleIntensityByBrainD",
    "ScaleIntensityByBrainDict",
    "ScaleIntensityByBraind",
    "ScaleIntensityByType",
    "ScaleIntensityByTypeD",
    "ScaleIntensityByTypeDict",
    "ScaleIntensityByTyped",
    "ShownResultD",
    "ShownResultDict",
    "ShownResultd",
    "SignedDifferenceD",
    "SignedDifferenceDict",
    "SignedDifferenced",
    "ThresholdMapD",
    "ThresholdMapDict",
    "ThresholdMapd",
    "WorldDisplacementD",
    "WorldDisplacementDict",
    "WorldDisplacementd",
    "find_foreground",
]
