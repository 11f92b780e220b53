# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""What figures read cases from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from ..utils import DataError

__all__ = ["Fields", "case_names", "known", "same_cases"]


class Fields(Protocol):
    """Field by name, stacked over the cases, (N, ...): a dictionary of arrays, or a container of cases."""

    def __getitem__(self, name: str, /) -> np.ndarray: ...


def known(cases: Fields, name: str) -> np.ndarray | None:
    """A field; None where the cases lack it, or all of its values are NaN."""
    try:
        values = cases[name]
    except KeyError:
        return None
    missing = values.size == 0 or (values.dtype.kind == "f" and bool(np.isnan(values).all()))
    return None if missing else values


def case_names(cases: Fields) -> list[tuple[str, str]]:
    """Subject and slice of every case."""
    return [(str(subject), str(index)) for subject, index in zip(cases["subject"], cases["slice"], strict=True)]


def same_cases(methods: Mapping[str, Fields]) -> Fields:
    """The cases of the first method; those of the others must be the same.

    Raises:
        DataError: when they are not.
    """
    name, first = next(iter(methods.items()))
    for other, cases in methods.items():
        if case_names(cases) != case_names(first):
            raise DataError(f"{other}: expected the cases of {name}, {case_names(first)}, found {case_names(cases)}.")
    return first
