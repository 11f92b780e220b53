# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import contextlib
import math
from typing import Any

import numpy as np

from .errors import DataError

__all__ = ["finite_number"]


def finite_number(value: Any, where: str) -> float:
    """A number that something can be computed with.

    Args:
        value: a number, or text that is one: 63, 63.5, "63.5".
        where: it was found, for the message.

    Raises:
        DataError: it is missing, no number, NaN or infinite.
    """
    number = math.nan
    if isinstance(value, (str, int, float, np.integer, np.floating)) and not isinstance(value, bool):
        with contextlib.suppress(ValueError, OverflowError):
            number = float(value)
    if not math.isfinite(number):
        nothing = value is None or (isinstance(value, str) and not value)
        raise DataError(f"{where}: expected a finite number, found {'nothing' if nothing else repr(value)}")
    return number
