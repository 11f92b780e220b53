# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Numbers of a report, each with how many cases it comes from; only what JSON knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..utils import DataError

__all__ = ["Interval", "add_columns", "case_mean", "number", "score"]

Interval = Callable[..., "tuple[float, float] | None"]
"""Per-case values -> interval of their mean, or of a ``statistic``: :py:func:`cluster_bootstrap` that knows the cases'
subjects."""


def number(x: Any) -> float | int | bool | str | None:
    """A NumPy scalar as Python's own; None where it is not finite."""
    if isinstance(x, str):
        return str(x)
    return x.item() if np.isfinite(x) else None


def score(value: float, n: int, **more: int) -> dict[str, Any]:
    """A score of ``n`` cases together, which has no spread over cases."""
    return {"value": number(np.float64(value)), "n": int(n), **more}


def case_mean(values: np.ndarray, interval: Interval) -> dict[str, Any]:
    """The mean of a score over cases with its 95 % interval.

    A paired difference is the same for the difference of two scores, case by case.

    Args:
        values: a value for every case of the set; NaN for those that do not count.
        interval: of the mean of such values.

    Returns:
        ``value``, ``sd`` (over cases), ``n`` (cases) and ``ci95`` ([low, high], or None where it is unknown).
    """
    finite = values[np.isfinite(values)]
    if not len(finite):
        return {"value": None, "sd": None, "n": 0, "ci95": None}
    bounds = interval(values)
    ci95 = None if bounds is None else list(bounds)
    return {"value": float(finite.mean()), "sd": float(finite.std()), "n": len(finite), "ci95": ci95}


def add_columns(rows: Sequence[dict[str, Any]], columns: Mapping[str, np.ndarray]) -> None:
    """Give the row of every case its values of some columns.

    Raises:
        DataError: when a row has a column of that name.
    """
    for name, values in columns.items():
        for row, value in zip(rows, values, strict=True):
            if name in row:
                raise DataError(f"Expected every column of the cases under a name of its own, found {name!r} twice.")
            row[name] = number(value)
