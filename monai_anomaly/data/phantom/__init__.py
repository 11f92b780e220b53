# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Brain phantom: generated people with a multi-contrast scan, a disease, and their healthy twin."""

from __future__ import annotations

from .contrast import CONTRASTS, SITES, Site
from .dataset import write_phantom
from .subject import PhantomSubject, make_subject
from .uniqueness import residual_correlation

__all__ = [
    "CONTRASTS",
    "SITES",
    "PhantomSubject",
    "Site",
    "make_subject",
    "residual_correlation",
    "write_phantom",
]
