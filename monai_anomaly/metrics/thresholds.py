# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from ..utils import DataError
from .finite import check_numbers

__all__ = ["Threshold", "best_dice_threshold", "healthy_quantile_threshold"]

Origin = Literal["average_otsu", "per_image_otsu", "average_otsu_truth", "validation", "healthy_quantile", "oracle"]


@dataclass(frozen=True)
class Threshold:
    """A threshold on anomaly maps together with where it came from.

    Args:
        value: pixels with ``map > value`` are anomalous; the mean of the thresholds when each image has its own.
        origin: ``"average_otsu"`` and ``"per_image_otsu"`` know no mask. ``"average_otsu_truth"`` is the first of them
            on the *true* differences of the test set (thesis ch. 6): it knows the truth, but not the maps.
            ``"validation"`` has the best Dice on the validation masks. ``"healthy_quantile"`` knows healthy validation
            slices only. ``"oracle"`` has the best Dice on the test masks: an upper bound, not a result.
    """

    value: float
    origin: Origin

    def __post_init__(self) -> None:
        if self.origin not in get_args(Origin):
            raise ValueError(f"The origin of a threshold is one of {get_args(Origin)}; found {self.origin!r}.")


def best_dice_threshold(maps: np.ndarray, masks: np.ndarray) -> tuple[float, float]:
    """The single threshold that maximizes the mean Dice per slice: exact, by one sort of all pixels.

    Lowering the threshold past a pixel changes the Dice of that pixel's slice only. The changes of all slices, sorted
    by value and summed up, are the mean Dice at every threshold there is.

    Args:
        maps: anomaly maps, (N, ...).
        masks: boolean, same shape; slices without a lesion pixel do not count.

    Returns:
        (threshold, mean Dice at ``maps > threshold``).

    Raises:
        DataError: when no slice has a lesion pixel, or a value is not finite.
    """
    check_numbers("maps and masks", maps, masks)
    maps, masks = np.asarray(maps).reshape(len(maps), -1), np.asarray(masks, bool).reshape(len(masks), -1)
    if not np.issubdtype(maps.dtype, np.floating):
        maps = maps.astype(np.float64)  # the negative of an unsigned number is none
    keep = masks.any(1)
    if not keep.any():
        raise DataError("The best Dice threshold needs at least one slice with a lesion pixel; found none.")
    maps, masks = maps[keep], masks[keep]
    order = np.argsort(-maps, axis=1)
    maps, masks = np.take_along_axis(maps, order, 1), np.take_along_axis(masks, order, 1)
    marked = np.arange(1, maps.shape[1] + 1)
    dice = 2 * masks.cumsum(1) / (marked + masks.sum(1, keepdims=True))
    change = np.diff(dice, axis=1, prepend=0).reshape(-1)
    values = maps.reshape(-1)
    order = np.argsort(-values)
    values, mean_dice = values[order], change[order].cumsum() / len(maps)
    last_of_tie = np.flatnonzero(np.append(values[1:] != values[:-1], True))
    best = last_of_tie[mean_dice[last_of_tie].argmax()]
    lower = values[best + 1] if best + 1 < len(values) else np.nextafter(values[best], values.dtype.type(-np.inf))
    middle = (values[best] + lower) / 2
    # between two neighboring floats there is no middle
    return float(middle if lower < middle < values[best] else lower), float(mean_dice[best])


def healthy_quantile_threshold(maps: np.ndarray, false_positive_rate: float = 0.01) -> float:
    """Threshold that at most a given share of the pixels of healthy slices exceeds; needs no lesion mask.

    Args:
        maps: anomaly maps of *healthy* slices, (N, ...).
        false_positive_rate: share of pixels, background included.

    Returns:
        The threshold for ``maps > threshold``.

    Raises:
        DataError: when there is no healthy slice, or a value is not finite.
    """
    check_numbers("maps", maps)
    if not np.size(maps):
        raise DataError("The threshold for a false positive rate needs at least one healthy slice; found none.")
    return float(np.quantile(np.asarray(maps), 1 - false_positive_rate, method="higher"))
