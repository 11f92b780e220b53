# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..utils import DataError, known_cause

__all__ = ["transform_sample"]


def transform_sample(transform: Callable, sample: Mapping[str, Any]) -> Any:
    """Transform a sample; a ``DataError`` comes out as such, though ``Compose`` wraps it in a ``RuntimeError``."""
    try:
        return transform(dict(sample))
    except RuntimeError as error:
        cause = known_cause(error)
        if not isinstance(cause, DataError):
            raise
        raise DataError(str(cause)) from error
