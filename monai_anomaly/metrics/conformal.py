# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Thresholds on anomaly maps that flag no more of the healthy than was asked for, whatever the maps are like.

The guarantee is for a new healthy case that is exchangeable with those of the calibration, on average over calibration
sets; it does not hold for another scanner or other people.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..utils import DataError
from .finite import check_numbers

__all__ = ["conformal_case_threshold", "conformal_share_threshold", "needed_cases", "thinned"]


def needed_cases(alpha: float) -> int:
    """How many healthy cases a calibration at the level alpha needs, at least.

    Raises:
        ValueError: when alpha does not lie between 0 and 1.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie between 0 and 1, got {alpha}")
    return math.ceil(1 / alpha - 1e-9) - 1


def conformal_case_threshold(highest: Sequence[float] | np.ndarray, alpha: float) -> float:
    """The threshold that a new healthy case exceeds with a probability of at most alpha (split conformal prediction,
    Vovk et al., "Algorithmic Learning in a Random World", 2005; Laxhammar & Falkman 2010 for anomalies).

    Args:
        highest: (n,), the highest value of each healthy case's map.
        alpha: share of healthy cases that may be flagged, between 0 and 1.

    Returns:
        the k-th smallest of them, k = ceil((n + 1)(1 - alpha)); a case is flagged where its map is above it.

    Raises:
        DataError: when there are too few cases for alpha, or a value is not finite.

    Example::

        assert conformal_case_threshold([0.3, 0.1, 0.2, 0.4], alpha=0.2) == 0.4
    """
    values = np.sort(np.asarray(highest, np.float64))
    check_numbers("highest values of healthy cases", values)
    _check_count(len(values), alpha)
    return float(values[math.ceil((len(values) + 1) * (1 - alpha) - 1e-9) - 1])


def conformal_share_threshold(maps: Sequence[np.ndarray], alpha: float) -> float:
    """The threshold above which at most a share alpha of a new healthy case's voxels lies, on average over new cases
    (conformal risk control, Angelopoulos et al., ICLR 2024, eq. 4, with the share that is flagged as the loss).

    Args:
        maps: of the n healthy cases, each of any shape; all voxels of a case count alike.
        alpha: share of the voxels that may be flagged, between 0 and 1.

    Returns:
        the lowest value t with (n r(t) + 1) / (n + 1) <= alpha, r(t) the mean share of voxels above t.

    Raises:
        DataError: when there are too few cases for alpha, or a value is not finite.
    """
    count = len(maps)
    _check_count(count, alpha)
    for values in maps:
        check_numbers("maps of healthy cases", values)
    values = np.concatenate([np.ravel(v) for v in maps]).astype(np.float64)
    shares = np.concatenate([np.full(np.size(v), 1 / (count * np.size(v))) for v in maps])
    order = np.argsort(-values, kind="stable")
    values, above = values[order], np.cumsum(shares[order])
    allowed = max(0.0, ((count + 1) * alpha - 1) / count)
    # above a value lies what comes before the first of its equals
    first = np.flatnonzero(np.r_[True, values[1:] < values[:-1]])
    share_above = np.r_[0.0, above][first]
    return float(values[first[np.flatnonzero(share_above <= allowed + 1e-12)[-1]]])


def thinned(values: np.ndarray, count: int = 20000) -> np.ndarray:
    """At most so many values in place of all of a map: in order of size, the highest of each of as many equal parts, so
    that the share above any threshold is never taken to be smaller than it is.

    Args:
        values: of any shape.
        count: how many are kept.
    """
    ordered = np.sort(np.ravel(values))[::-1]
    step = max(1, -(-len(ordered) // count))
    return ordered[::step][: len(ordered) // step]  # the lowest part, which is not full, would make shares smaller


def _check_count(count: int, alpha: float) -> None:
    needed = needed_cases(alpha)
    if count < needed:
        raise DataError(
            f"alpha {alpha:g}: expected at least {needed} healthy cases, found {count}, which allow"
            f" {1 / (count + 1):.3g} at the least"
        )
