# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Guides: what leads a decoding to a class, a value, a mask, or several of them at once."""

from __future__ import annotations

from .area import AreaGuidance
from .base import Guidance
from .classifier import ClassifierGuidance
from .intensity import IntensityGuidance
from .regression import RegressionGuidance
from .resize import ResizeGuidance
from .segmentation import SegmentationGuidance
from .some import GuidanceOfSome
from .sum import GuidanceSum, Guide

__all__ = [
    "AreaGuidance",
    "ClassifierGuidance",
    "Guidance",
    "GuidanceOfSome",
    "GuidanceSum",
    "Guide",
    "IntensityGuidance",
    "RegressionGuidance",
    "ResizeGuidance",
    "SegmentationGuidance",
]
