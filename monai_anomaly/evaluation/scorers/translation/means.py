# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np

from ...summary import case_mean
from ...task import Columns, Context, Summary

__all__ = ["known_means"]


def known_means(columns: Columns, context: Context) -> tuple[Summary, Columns]:
    """Means over the cases, and the columns, of those scores that any case has."""
    some = {name: values for name, values in columns.items() if np.isfinite(values).any()}
    return {name: case_mean(values, context.interval) for name, values in some.items()}, some
