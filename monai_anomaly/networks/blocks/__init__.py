# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Building blocks of the networks."""

from __future__ import annotations

from .activation_checkpoint import checkpoint_res_blocks
from .attention_pool import AttentionPool2d
from .feature_stack import FeatureStack
from .inception import Concatenation, InceptionResBlock, normalized_conv, separable_convs
from .pool_head import GlobalPoolHead, LocalPoolHead
from .scale_shift_res_block import ScaleShiftResBlock

__all__ = [
    "AttentionPool2d",
    "Concatenation",
    "FeatureStack",
    "GlobalPoolHead",
    "InceptionResBlock",
    "LocalPoolHead",
    "ScaleShiftResBlock",
    "checkpoint_res_blocks",
    "normalized_conv",
    "separable_convs",
]
