# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Affine registration of brains: points and volumes in mm, mutual information, a template, and files of transforms."""

from __future__ import annotations

from .affine_registration import AffineRegistration, register_affine, register_session
from .head import find_brain
from .template import BrainTemplate, load_brain_template
from .transform_file import SpaceTransform, load_transform, save_transform
from .volume import MOST_OUTSIDE, Volume

__all__ = [
    "MOST_OUTSIDE",
    "AffineRegistration",
    "BrainTemplate",
    "SpaceTransform",
    "Volume",
    "find_brain",
    "load_brain_template",
    "load_transform",
    "register_affine",
    "register_session",
    "save_transform",
]
