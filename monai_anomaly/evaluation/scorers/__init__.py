# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Scores: functions (cases, context) -> (summary, columns of the table of cases)."""

from __future__ import annotations

from .calibration import score_calibration
from .classes import score_classes
from .diagnosis import score_diagnosis
from .false_positives import score_false_positives
from .maps import score_maps
from .overlap import score_overlap
from .reconstruction import score_reconstruction, true_differences
from .site_probe import score_site_probe
from .translation import score_translation

__all__ = [
    "score_calibration",
    "score_classes",
    "score_diagnosis",
    "score_false_positives",
    "score_maps",
    "score_overlap",
    "score_reconstruction",
    "score_site_probe",
    "score_translation",
    "true_differences",
]
