# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Raw brain MR to model space and back."""

from __future__ import annotations

from .brain_mr import STEPS, BrainMRPreprocessing, PreprocessedScan
from .load_scan import load_scan
from .native import to_native
from .preprocess_raw import PreprocessRawD, PreprocessRawd, PreprocessRawDict

__all__ = [
    "STEPS",
    "BrainMRPreprocessing",
    "PreprocessRawD",
    "PreprocessRawDict",
    "PreprocessRawd",
    "PreprocessedScan",
    "load_scan",
    "to_native",
]
