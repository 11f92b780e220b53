# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np

from ....metrics import mean_absolute_error
from ...edited import Edited
from ...task import Columns, Context, Summary
from .means import known_means

__all__ = ["score_truth"]


def score_truth(edited: Edited, context: Context) -> tuple[Summary, Columns]:
    """How far the translated image is from the true counterfactual, as shares of the intensity range.

    ``error_lesion``: mean absolute difference where the lesion is or should be; ``error_outside``: in the rest of the
    brain. The untouched input, scored beside it, is what a method must beat inside, and cannot lose to outside.
    """
    cases = edited.cases
    some = cases.known("target") & edited.known
    if not some.any():
        return {}, {}
    columns: Columns = {}
    images, data_range = (cases["reconstruction"], cases["target"]), context.settings["data_range"]
    for name, region in (("error_lesion", edited.lesion), ("error_outside", edited.brain & ~edited.lesion)):
        error = mean_absolute_error(*images, region, data_range)
        columns[name] = np.where(some, error, np.nan)
    return known_means(columns, context)
