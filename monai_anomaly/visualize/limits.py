# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Which values get the first and the last color."""

from __future__ import annotations

import numpy as np

__all__ = ["anomaly_limits", "difference_limits", "gray_limits", "map_limits"]


def gray_limits(images: np.ndarray) -> tuple[float, float]:
    """Of images: the percentiles 0.5 and 99.8, so that a few bright pixels do not make the rest dark."""
    low, high = np.percentile(images.astype(np.float32), (0.5, 99.8))
    return float(low), float(high)


def map_limits(maps: np.ndarray) -> tuple[float, float]:
    """Of maps that are 0 or more: 0 and all but outliers."""
    return 0.0, _top(maps, 99.8)


def anomaly_limits(maps: np.ndarray, threshold: float) -> tuple[float, float]:
    """Of anomaly maps: 0, and all but outliers or half as much again as the threshold, so that a healthy case looks
    healthy."""
    known = maps[np.isfinite(maps)]
    return 0.0, max(float(np.quantile(known, 0.999)) if known.size else 0.0, 1.5 * threshold) or 1.0


def difference_limits(*differences: np.ndarray, percentile: float = 99.8, least: float = 0.0) -> tuple[float, float]:
    """Of signed values: as far below 0 as above.

    Args:
        differences: what shares the colors; NaN is left out.
        percentile: of the magnitudes; 100: the largest.
        least: magnitude that gets the last color where all are smaller.
    """
    top = max(_top(np.abs(np.concatenate([d.ravel() for d in differences])), percentile), least)
    return -top, top


def _top(values: np.ndarray, percentile: float) -> float:
    """A percentile of the finite values above 0; that of all zeros is 1."""
    known = values[np.isfinite(values)].astype(np.float32)
    return (float(np.percentile(known, percentile)) or float(known.max()) or 1.0) if known.size else 1.0
