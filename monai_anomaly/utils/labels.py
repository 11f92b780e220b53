# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np

__all__ = ["are_labels", "label_type"]

_MOST = 256


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
