# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

from ..utils import DataError, ScalingWarning, known_cause

__all__ = ["load_sample", "transform_sample"]


def transform_sample(transform: Callable, sample: Mapping[str, Any]) -> Any:
    """Transform a sample; a ``DataError`` comes out as such, though ``Compose`` wraps it in a ``RuntimeError``."""
    try:
        return transform(dict(sample))
    except RuntimeError as error:
        cause = known_cause(error)
        if not isinstance(cause, DataError):
            raise
        raise DataError(str(cause)) from error


def load_sample(transform: Callable | None, sample: Mapping[str, Any]) -> dict[str, Any]:
    """Load a sample of a set, which tells of suspicious intensities in one warning for all (`summarize_scaling`)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ScalingWarning)
        return dict(sample) if transform is None else dict(transform_sample(transform, sample))
