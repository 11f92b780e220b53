# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Which cases of a set, and which slices of a volume, are shown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..utils import DataError
from .fields import Fields, case_names

__all__ = ["find_cases", "pick_cases", "pick_slices"]


def pick_cases(
    sizes: np.ndarray, diseased: np.ndarray, healthy: np.ndarray, rows: int = 6, healthy_rows: int = 1
) -> list[int]:
    """Cases that show the range: diseased ones evenly over the lesion sizes, then healthy ones evenly over the set.

    Args:
        sizes: lesion pixels, (N,).
        diseased: which cases count as diseased, (N,) bool.
        healthy: which count as healthy, (N,) bool.
        rows: number of cases wanted.
        healthy_rows: how many of them are healthy, as far as there are any.

    Returns:
        Their numbers, largest lesion first; fewer than ``rows`` when there are not so many cases.
    """
    with_lesion, without = np.flatnonzero(diseased), np.flatnonzero(healthy)
    # the negative of an unsigned number is none
    with_lesion = with_lesion[np.argsort(-sizes[with_lesion].astype(np.float64), kind="stable")]
    count = min(len(without), max(healthy_rows, rows - len(with_lesion)))
    return [*_spread(with_lesion, rows - count), *_spread(without, count)]


def pick_slices(weight: np.ndarray, eligible: np.ndarray, rows: int) -> list[int]:
    """Slices of the highest weight, one from each part of a volume: neighboring ones look alike.

    Args:
        weight: one number per slice, (Z,).
        eligible: whether a slice may be shown, (Z,) bool; when none may, all may.
        rows: the most slices wanted.

    Returns:
        Slice numbers, in their order.
    """
    candidates = np.flatnonzero(eligible) if eligible.any() else np.arange(len(weight))
    parts = np.array_split(candidates, min(3 * rows, len(candidates)))
    best = [int(p[np.argmax(weight[p])]) for p in parts]
    return sorted(sorted(best, key=lambda z: weight[z], reverse=True)[:rows])


def find_cases(cases: Fields, wanted: Sequence[tuple[str, str | int]], method: str = "cases") -> list[int]:
    """Numbers of cases of a set, whatever its order.

    Args:
        cases: the set.
        wanted: subject and slice of each.
        method: whose set it is, for the message.

    Raises:
        DataError: when one is not there.
    """
    numbers = {name: i for i, name in enumerate(case_names(cases))}
    keys = [(str(subject), str(index)) for subject, index in wanted]
    if missing := [key for key in keys if key not in numbers]:
        raise DataError(f"{method}: expected the cases {keys}, found no {missing}.")
    return [numbers[key] for key in keys]


def _spread(indices: np.ndarray, count: int) -> list[int]:
    """``count`` of the indices, evenly spaced, the first and the last included."""
    places = np.linspace(0, len(indices) - 1, min(max(count, 0), len(indices)))
    return [int(indices[i]) for i in places.round().astype(int)]
