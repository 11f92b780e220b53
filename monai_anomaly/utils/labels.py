# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np

__all__ = ["are_labels", "label_type", "whole_labels"]

_MOST = 256
_STEP = 2e-3  # of the largest value: half a step of a scale factor of 8 bits
_LEAST = 1e-3


def are_labels(values: np.ndarray) -> bool:
    """Whether an image holds labels: few values (up to 256), all of them whole numbers."""
    found = np.unique(values)
    return len(found) <= _MOST and bool((found == np.round(found)).all())


def label_type(values: np.ndarray) -> type[np.generic]:
    """The smallest type of NIfTI that holds all values: uint8, int16 or int32 for whole numbers, else float32."""
    if not (values == np.round(values)).all():
        return np.float32
    for dtype in (np.uint8, np.int16, np.int32):
        limits = np.iinfo(dtype)
        if values.min() >= limits.min and values.max() <= limits.max:
            return dtype
    return np.float32


def whole_labels(values: np.ndarray) -> np.ndarray | None:
    """A label map whose whole numbers a scale factor moved, such as 1.004 and 1.992, or 3e-5 for 0, put right.

    Two values only, of which one is near 0, are 0 and 1 whatever the other is.

    Returns:
        The values unchanged where they are whole numbers; None where they are not near any, as in a soft mask.
    """
    whole: np.ndarray = np.round(values)
    if (whole == values).all():
        return values
    largest = float(np.abs(values).max())
    if (np.abs(values - whole) <= _LEAST + _STEP * largest).all() and (whole.any() or largest <= _LEAST):
        return whole
    found = np.unique(values)
    if len(found) == 2 and abs(found[0]) <= _LEAST < found[1]:
        return (values == found[1]).astype(values.dtype)
    return None
