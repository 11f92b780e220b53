# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Which cases of anomaly maps count as diseased, and which as healthy: by the mask of a case, else by its label."""

from __future__ import annotations

import numpy as np

from .cases import Cases

__all__ = ["diseased", "healthy", "lesion_pixels"]


def lesion_pixels(cases: Cases) -> np.ndarray:
    """(N,) number of lesion pixels."""
    return cases["mask"].sum((1, 2, 3))


def diseased(cases: Cases, min_lesion_pixels: int = 1) -> np.ndarray:
    """(N,) cases that count as diseased: enough lesion pixels; of a case without a mask, ``label == 1``."""
    return np.where(cases.known("mask"), lesion_pixels(cases) >= max(1, min_lesion_pixels), cases["label"] == 1)


def healthy(cases: Cases) -> np.ndarray:
    """(N,) cases that count as healthy: no lesion pixel and not ``label == 1``; without a mask, ``label == 0``."""
    return np.where(cases.known("mask"), (lesion_pixels(cases) == 0) & (cases["label"] != 1), cases["label"] == 0)
