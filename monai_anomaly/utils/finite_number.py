# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from typing import Any

import numpy as np

from .errors import DataError

__all__ = ["finite_number", "read_number"]


def read_number(value: Any) -> float:
    """A number, or text that is one; NaN for everything else.

    Text with an underscore is none, though Python takes "1_0" for 10: in a table it is a name.
    """
    text = isinstance(value, str) and "_" not in value
    if not text and (isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating))):
        return math.nan
    try:
        return float(value)
    except (ValueError, OverflowError):
        return math.nan


def finite_number(value: Any, where: str) -> float:
    """A number that something can be computed with.

    Args:
        value: a number, or text that is one: 63, 63.5, "63.5".
        where: it was found, for the message.

    Raises:
        DataError: it is missing, no number, NaN or infinite.
    """
    number = read_number(value)
    if not math.isfinite(number):
        nothing = value is None or (isinstance(value, str) and not value)
        raise DataError(f"{where}: expected a finite number, found {'nothing' if nothing else repr(value)}")
    return number
