# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from monai_anomaly.utils import DataError, class_label


@pytest.mark.parametrize("value", [1, 1.0, "1", " 1.0", np.int64(1)])
def test_whole_numbers(value: Any) -> None:
    label = class_label(value, "here", 2)
    assert label == 1 and type(label) is int


@pytest.mark.parametrize(
    "value",
    [-1, 2, 0.5, "-1.0", "2", float("nan"), float("inf"), "yes", "1_0", "", None, True, [1], 10**400, np.complex64(1)],
)
def test_what_is_no_class_is_named(value: Any) -> None:
    with pytest.raises(DataError, match=r"row 3: expected a class, a whole number from 0 to 1, found"):
        class_label(value, "row 3", 2)


def test_without_a_number_of_classes_only_the_lower_end_is_known() -> None:
    assert class_label(7, "here") == 7
    with pytest.raises(DataError, match="from 0 on"):
        class_label(-1, "here")
    with pytest.raises(DataError, match="from 0 on"):
        class_label(10**400, "here")
