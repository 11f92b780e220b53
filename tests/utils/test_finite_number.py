# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from monai_anomaly.utils import DataError, finite_number


@pytest.mark.parametrize("value", [63.5, "63.5", " 63.5 ", np.float32(63.5)])
def test_numbers(value: object) -> None:
    assert finite_number(value, "a") == 63.5


def test_zero_is_a_number() -> None:
    assert finite_number(0, "a") == finite_number("0", "a") == 0.0


@pytest.mark.parametrize(
    "value", ["old", "12,5", "1_000", "nan", float("inf"), True, [1], np.array([1.0, 2.0]), 10**400]
)
def test_what_is_none_is_named(value: object) -> None:
    with pytest.raises(DataError, match=r"subject p: age: expected a finite number, found"):
        finite_number(value, "subject p: age")


@pytest.mark.parametrize("value", [None, ""])
def test_nothing(value: object) -> None:
    with pytest.raises(DataError, match="found nothing"):
        finite_number(value, "age")
