# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np

from ..utils import DataError

__all__ = ["check_numbers"]


def check_numbers(what: str, *values: np.ndarray | None) -> None:
    """Refuse NaN and infinity, which a comparison, a sort or a cast would turn into ordinary values.

    Args:
        what: what the values are, for the message.
        values: arrays of any type; None is passed over.

    Raises:
        DataError: when one is not finite; says how many values are not.
    """
    for array in values:
        if array is None or not np.issubdtype(np.asarray(array).dtype, np.inexact):
            continue
        bad = int((~np.isfinite(array)).sum())
        if bad:
            raise DataError(f"expected {what} of finite values, found {bad} that are NaN or infinite")
