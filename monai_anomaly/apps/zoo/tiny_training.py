# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Overrides that make a training of a bundle tiny: generated data of a few cases, and one epoch."""

from __future__ import annotations

from typing import Any

from .tiny_networks import TINY_CLASSIFIER, TINY_GAN

__all__ = ["ELLIPSES", "PHANTOM", "SITES", "TINY_ELLIPSES", "TINY_SITES", "TINY_TRAINING"]

PHANTOM: dict[str, Any] = {
    "subjects": 10,
    "spacing": 6.0,
    "healthy_fraction": 0.0,
    "workers": 0,
    "counterfactuals": [0.7, 1.3],
}
TINY_TRAINING: dict[str, Any] = {
    "phantom": PHANTOM,
    "spatial_size": [32, 40],
    "pixdim": [6.0, 6.0, -1.0],
    "slice_range": [8, 20],
    "epochs": 1,
    "batch_size": 8,
    "min_lesion_pixels": 2,
    "panel_interval": 1,
    "validation_step": 2,
    "test_step": 4,
    "autocast": "float32",
}
"""One epoch on the phantom, for the training of any bundle of brain MR."""
ELLIPSES: dict[str, Any] = {"kind": "ellipses", "size": 32, "per_class": [8, 4, 4], "workers": 0}
TINY_ELLIPSES: dict[str, Any] = {
    "phantom": ELLIPSES,
    "spatial_size": [32, 32],
    "epochs": 1,
    "batch_size": 4,
    "warmup": 1,
    "panel_interval": 1,
    "autocast": "float32",
    **TINY_GAN,
}
"""The same on the set of ellipses, for ``descargan``; its default network does not train in a second."""
SITES: dict[str, Any] = {
    "groups": [
        {"site": "A", "lesion": None, "training": 4, "validation": 2, "test": 2},
        {"site": "A", "lesion": "ms", "training": 6, "validation": 2, "test": 2},
        {"site": "B", "lesion": "ms", "training": 6, "validation": 2, "test": 2},
        {"site": "C", "lesion": None, "training": 4, "validation": 2, "test": 2},
        {"site": "D", "lesion": None, "training": 4, "validation": 2, "test": 2},
    ],
    "contrasts": ["flair"],
    "twin": False,
    "spacing": 6.0,
    "workers": 0,
}
TINY_SITES: dict[str, Any] = {
    "phantom": SITES,
    "spatial_size": [33, 33, 33],
    "pixdim": [6.0, 6.0, 6.0],
    "epochs": 1,
    "batch_size": 6,
    **TINY_CLASSIFIER,
}
"""The same on the phantom by design, for ``l2i_classification``; its network needs one axis of 33."""
