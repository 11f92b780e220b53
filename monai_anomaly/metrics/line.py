# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""How two measurements of the same cases go together, as functions of means, which a bootstrap can draw again."""

from __future__ import annotations

import numpy as np

__all__ = ["line_moments", "pearson_of", "slope_of"]


def line_moments(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """What the means of give the correlation and the slope of y against x.

    Args:
        x: (N,); NaN where it is unknown.
        y: (N,), the same.

    Returns:
        (N, 5): x, y, x^2, y^2 and x y of the values minus their means; NaN where either is unknown.

    Example::

        x = np.random.rand(30)
        moments = line_moments(x, 2 * x + 0.1 * np.random.rand(30))
        slope_of(moments.mean(0)), pearson_of(moments.mean(0))  # about 2 and 1
    """
    known = np.isfinite(x) & np.isfinite(y)
    x, y = (np.where(known, values, np.nan).astype(np.float64) for values in (x, y))
    if known.any():
        x, y = x - np.nanmean(x), y - np.nanmean(y)
    return np.stack([x, y, x * x, y * y, x * y], axis=1)


def pearson_of(means: np.ndarray) -> np.ndarray:
    """Pearson's correlation, from means (..., 5) of :py:func:`line_moments`; NaN where x or y is constant."""
    x, y, xx, yy, xy = np.moveaxis(np.asarray(means), -1, 0)
    return _ratio(xy - x * y, np.sqrt(np.maximum(xx - x * x, 0) * np.maximum(yy - y * y, 0)), xx + yy)


def slope_of(means: np.ndarray) -> np.ndarray:
    """Slope of the line through y by least squares, from the same means; NaN where x is constant."""
    x, y, xx, _, xy = np.moveaxis(np.asarray(means), -1, 0)
    return _ratio(xy - x * y, xx - x * x, xx)


def _ratio(covariance: np.ndarray, variance: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Covariance / variance, NaN where the variance is rounding alone."""
    some = variance > 1e-12 * scale
    return np.where(some, covariance / np.where(some, variance, 1), np.nan)
