# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..finite import check_numbers

__all__ = ["ReliabilityBins", "brier_score", "reliability_bins"]

EDGE = 1e-6


@dataclass(frozen=True)
class ReliabilityBins:
    """Pixels by their predicted probability; the numbers of a reliability diagram.

    The errors equal MONAI's ``CalibrationErrorMetric`` of one channel: predicted probability of the lesion
    against its frequency, so a confident "no lesion" is calibrated when there is none.

    Args:
        count: pixels in every bin, (B,) int64.
        probability: mean prediction in every bin, (B,); NaN in an empty one.
        frequency: share of lesion pixels in every bin, (B,); NaN in an empty one.
    """

    count: np.ndarray
    probability: np.ndarray
    frequency: np.ndarray

    @property
    def gap(self) -> np.ndarray:
        """\\|probability - frequency\\| of the bins that have pixels."""
        return np.abs(self.probability - self.frequency)[self.count > 0]

    @property
    def expected_error(self) -> float:
        """ECE: mean gap over the pixels (Guo et al., "On Calibration of Modern Neural Networks", 2017, eq. 3)."""
        count = self.count[self.count > 0]
        return float((self.gap * count).sum() / count.sum()) if len(count) else float("nan")

    @property
    def average_error(self) -> float:
        """ACE: mean gap over the bins that have pixels, however few."""
        return float(self.gap.mean()) if len(self.gap) else float("nan")

    @property
    def maximum_error(self) -> float:
        """MCE: largest gap (eq. 4)."""
        return float(self.gap.max()) if len(self.gap) else float("nan")

    def rows(self) -> list[dict[str, Any]]:
        """One dictionary per bin, empty ones left out: ``low``, ``high``, ``count``, ``probability``, ``frequency``."""
        edges = np.linspace(0, 1, len(self.count) + 1)
        return [
            {
                "low": float(edges[i]),
                "high": float(edges[i + 1]),
                "count": int(self.count[i]),
                "probability": float(self.probability[i]),
                "frequency": float(self.frequency[i]),
            }
            for i in np.flatnonzero(self.count)
        ]


def reliability_bins(probabilities: np.ndarray, masks: np.ndarray, bins: int = 20) -> ReliabilityBins:
    """Sort pixels into bins of equal width by their predicted probability.

    In float64: MONAI's ``calibration_binning`` counts in float32, which stops at 2**24 = 16.8 million pixels, a few
    hundred slices. A bin holds its lower edge, and what is a millionth below it, so that the means k/n of n masks do
    not fall to either side of an edge by rounding.

    Args:
        probabilities: any shape, [0, 1].
        masks: boolean, same shape.
        bins: number of bins, B.

    Returns:
        Counts, mean predictions and lesion frequencies.

    Raises:
        DataError: when a value is not finite.
    """
    check_numbers("probabilities and masks", probabilities, masks)
    if bins < 1:
        raise ValueError(f"bins must be at least 1, got {bins}")
    p, y = np.asarray(probabilities, np.float64).reshape(-1), np.asarray(masks, bool).reshape(-1)
    index = np.clip(np.floor((p + EDGE) * bins).astype(np.int64), 0, bins - 1)
    count = np.bincount(index, minlength=bins)
    total = np.where(count > 0, count, np.nan)
    sums = (np.bincount(index, weights=w, minlength=bins) for w in (p, y))
    probability, frequency = (s / total for s in sums)
    return ReliabilityBins(count, probability, frequency)


def brier_score(probabilities: np.ndarray, masks: np.ndarray) -> float:
    """Mean squared difference of probability and truth (Brier, 1950, for two classes, counted once).

    Args:
        probabilities: any shape, [0, 1].
        masks: boolean, same shape.

    Returns:
        In [0, 1], lower is better; NaN without pixels.

    Raises:
        DataError: when a value is not finite.
    """
    check_numbers("probabilities and masks", probabilities, masks)
    difference = np.asarray(probabilities, np.float64) - np.asarray(masks, np.float64)
    return float(np.square(difference).mean()) if difference.size else float("nan")
