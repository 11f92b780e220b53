# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""What networks share: operations without weights, and the initialization of layers."""

from __future__ import annotations

from .batch_statistics import image_statistics
from .displacement import integrate_velocity, jacobian_determinant, warp
from .gradient_reversal import reverse_gradient
from .he_initialization import he_initialization
from .label_planes import append_label_planes
from .own_network import last_convolution, through_own_network

__all__ = [
    "append_label_planes",
    "he_initialization",
    "image_statistics",
    "integrate_velocity",
    "jacobian_determinant",
    "last_convolution",
    "reverse_gradient",
    "through_own_network",
    "warp",
]
