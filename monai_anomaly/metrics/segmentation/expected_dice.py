# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..finite import check_numbers

__all__ = ["EXPECTED_DICE", "ExpectedDiceThreshold", "above"]

EXPECTED_DICE = "expected_dice"
"""What this rule is called in settings and files."""


@dataclass(frozen=True)
class ExpectedDiceThreshold:
    """For every probability map its own threshold: the one whose mask has the highest expected Dice.

    With the pixels in falling order, the mask of the first k has the expected Dice 2 (p_1 + ... + p_k) / (k + sum p),
    where the size of the truth is replaced by its mean. The best mask holds the pixels above half of the best value: a
    network that is sure of a lesion is cut near 0.5, one that half believes in a few pixels at 0.33, one that believes
    in them by a quarter at 0.2. It needs probabilities that are calibrated, and no validation masks. Sources: Lipton et
    al., "Optimal Thresholding of Classifiers to Maximize F1 Measure" (https://arxiv.org/abs/1402.1892), theorem 1; Dai
    & Li, "RankSEG: A Consistent Ranking-based Framework for Segmentation" (https://arxiv.org/abs/2206.13086).

    A mask of the highest expected Dice is never empty, so that every healthy image would be flagged.

    Args:
        presence: a map that nowhere exceeds it has an empty mask.

    Raises:
        ValueError: when ``presence`` is not in [0, 1).

    Example::

        sure, doubtful = np.zeros((2, 8, 8))
        sure[2:6, 2:6], doubtful[2:4, 2:4] = 0.95, 0.3
        thresholds = ExpectedDiceThreshold()(np.stack([sure, doubtful]))  # 0.487 and 0.231
        masks = above(np.stack([sure, doubtful]), ExpectedDiceThreshold())
    """

    presence: float = 0.2

    def __post_init__(self) -> None:
        if not 0 <= self.presence < 1:
            raise ValueError(f"presence must be in [0, 1), got {self.presence}")

    def __call__(self, maps: np.ndarray) -> np.ndarray:
        """The threshold of each map.

        Args:
            maps: probabilities (N, ...) in [0, 1].

        Returns:
            Float64, (N,): ``maps > threshold`` is the mask; 1 where it is empty.

        Raises:
            DataError: when a value is not finite.
        """
        check_numbers("probabilities", maps)
        return np.array([self._threshold(np.ravel(p)) for p in maps], np.float64)

    def _threshold(self, probability: np.ndarray) -> float:
        if probability.max(initial=0) <= self.presence:
            return 1.0
        falling = np.sort(probability[probability > 0].astype(np.float64))[::-1]
        sums = falling.cumsum()
        return float((sums / (np.arange(1, len(sums) + 1) + sums[-1])).max())


def above(maps: np.ndarray, threshold: float | ExpectedDiceThreshold) -> np.ndarray:
    """The masks of maps.

    Args:
        maps: (N, ...).
        threshold: one for all, or what gives each its own.

    Returns:
        Boolean, the shape of ``maps``.
    """
    values = np.asarray(threshold(maps) if callable(threshold) else threshold, np.float64)
    # float64: a threshold between two float32 values must not be rounded to one of them
    return maps > values.reshape(-1, *[1] * (maps.ndim - 1))
