# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Networks, one a file."""

from __future__ import annotations

from .anomaly_diffusion import GuidedDiffusionNet
from .mask_diffusion import MaskDiffusionNet
from .noise_encoder import NoiseConditionedEncoder
from .segnet import SegNet

__all__ = [
    "GuidedDiffusionNet",
    "MaskDiffusionNet",
    "NoiseConditionedEncoder",
    "SegNet",
]
