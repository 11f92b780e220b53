# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Which cases of anomaly maps count as diseased, and which as healthy."""

from __future__ import annotations

import numpy as np

from .cases import Cases

__all__ = ["diseased", "healthy", "lesion_pixels"]


def lesion_pixels(cases: Cases) -> np.ndarray:
    """(N,) number of lesion pixels."""
    return cases["mask"].sum((1, 2, 3))


def diseased(cases: Cases, min_lesion_pixels: int = 1) -> np.ndarray:
    """(N,) cases that count as diseased: enough lesion pixels, or ``label == 1`` where the set has no masks."""
    if cases.known("mask").any():
        return lesion_pixels(cases) >= max(1, min_lesion_pixels)
    return cases["label"] == 1


def healthy(cases: Cases) -> np.ndarray:
    """(N,) cases that count as healthy: no lesion pixel and not ``label == 1``; without masks, ``label == 0``."""
    if cases.known("mask").any():
        return (lesion_pixels(cases) == 0) & (cases["label"] != 1)
    return cases["label"] == 0
