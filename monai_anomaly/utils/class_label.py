# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from typing import Any

from .errors import DataError
from .finite_number import read_number

__all__ = ["class_label"]


def class_label(value: Any, where: str, num_classes: int | None = None) -> int:
    """A class as a whole number from 0 on.

    Args:
        value: a number, or text that is one: 1, 1.0, "1", "1.0".
        where: it was found, for the message.
        num_classes: it must be below this.

    Raises:
        DataError: it is negative, a fraction, NaN, no number or too large.
    """
    most = "" if num_classes is None else f" to {num_classes - 1}"
    number = read_number(value)
    if not number.is_integer() or not 0 <= number < (num_classes or math.inf):
        raise DataError(f"{where}: expected a class, a whole number from 0{most or ' on'}, found {value!r}")
    return int(number)
