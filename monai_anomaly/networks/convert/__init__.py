# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Converter of published checkpoints (guided-diffusion and its forks) to the networks used here."""

from __future__ import annotations

from .checkpoint import clean_state_dict, load_state_dict, network_weights
from .describe import NetworkDescription, detect
from .encoder import convert_encoder
from .unet import convert_unet

__all__ = [
    "NetworkDescription",
    "clean_state_dict",
    "convert_encoder",
    "convert_unet",
    "detect",
    "load_state_dict",
    "network_weights",
]
