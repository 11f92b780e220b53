# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Small helpers without knowledge of networks."""

from __future__ import annotations

from .entropy import binary_entropy
from .errors import DataError
from .files import atomic_path, atomic_write
from .interior import interior
from .labels import are_labels, label_type
from .precision import autocast_dtype
from .provenance import provenance
from .seeds import hashed_seed
from .segmentation_layout import MAPS, split_prediction
from .suffixes import SUFFIXES, split_suffix

__all__ = [
    "MAPS",
    "SUFFIXES",
    "DataError",
    "are_labels",
    "atomic_path",
    "atomic_write",
    "autocast_dtype",
    "binary_entropy",
    "hashed_seed",
    "interior",
    "label_type",
    "provenance",
    "split_prediction",
    "split_suffix",
]
