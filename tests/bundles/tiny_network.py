# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Overrides that make networks and inferences tiny; an exported bundle's test takes them too."""

from __future__ import annotations

from monai_anomaly.apps.zoo.tiny_networks import (
    TINY_CLASSIFIER,
    TINY_DIFFUSION,
    TINY_GAN,
    TINY_MASK_DIFFUSION,
    TINY_NETWORK,
    TINY_SAMPLING,
    TINY_SEGMENTER,
    TINY_TRANSLATION,
)

__all__ = [
    "TINY_CLASSIFIER",
    "TINY_DIFFUSION",
    "TINY_GAN",
    "TINY_MASK_DIFFUSION",
    "TINY_NETWORK",
    "TINY_SAMPLING",
    "TINY_SEGMENTER",
    "TINY_TRANSLATION",
]
