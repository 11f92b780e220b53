# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .subject import PhantomSubject

__all__ = ["brain_scaled", "residual_correlation"]


def brain_scaled(image: np.ndarray, mask: np.ndarray, factor: float = 2.2) -> np.ndarray:
    """Each channel of ``image`` (C, X, Y, Z) over ``factor`` times its median in ``mask``, clipped to [0, 1]."""
    return np.stack([np.clip(c / (factor * np.median(c[mask > 0])), 0, 1) for c in image]).astype(np.float32)


def residual_correlation(subjects: Sequence[PhantomSubject], channel: int = 0) -> np.ndarray:
    """Correlation between subjects of what is left when the mean image is taken away; copies would have 1.

    Every pair is compared on the brain that the two share. Take subjects of one site: the contrast of a site is common
    to its subjects and no mark of a person.

    Args:
        subjects: n subjects on one grid.
        channel: which contrast.

    Returns:
        (n, n), 1 on the diagonal.
    """
    images = np.stack([brain_scaled(s.image[channel : channel + 1], s.mask)[0].ravel() for s in subjects])
    masks = np.stack([s.mask.ravel() > 0 for s in subjects])
    mean = (images * masks).sum(0) / np.maximum(masks.sum(0), 1)
    residual = images - mean
    out = np.eye(len(subjects))
    for i in range(len(subjects)):
        for j in range(i):
            both = masks[i] & masks[j]
            out[i, j] = out[j, i] = np.corrcoef(residual[i, both], residual[j, both])[0, 1]
    return out
