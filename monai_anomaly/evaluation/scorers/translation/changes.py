# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np

from ....metrics import mean_absolute_error
from ...edited import Edited
from ...task import Columns, Context, Summary
from .means import known_means

__all__ = ["score_changes"]


def score_changes(edited: Edited, context: Context) -> tuple[Summary, Columns]:
    r"""What the translation changes, \|translated - image\| as shares of the intensity range, and where.

    ``change``: mean over the brain; ``change_lesion``: where the lesion is or should be; ``drift``: in the brain
    outside of it and its margin, at best 0; ``share_inside``: of the whole change in the image, the share in the lesion
    and its margin; none where nothing changes.
    """
    cases, data_range = edited.cases, context.settings["data_range"]
    pair = (cases["reconstruction"], cases["image"])
    columns: Columns = {"change": mean_absolute_error(*pair, edited.brain, data_range)}
    if edited.known.any():
        regions = {"change_lesion": edited.lesion, "drift": edited.elsewhere}
        for name, region in regions.items():
            columns[name] = np.where(edited.known, mean_absolute_error(*pair, region, data_range), np.nan)
        change = np.abs(np.float32(pair[0]) - np.float32(pair[1])).sum(1, keepdims=True, dtype=np.float64)
        inside, whole = np.where(edited.around, change, 0).sum((1, 2, 3)), change.sum((1, 2, 3))
        share = inside / np.where(whole > 0, whole, 1)
        columns["share_inside"] = np.where(edited.known & (whole > 0), share, np.nan)
    return known_means(columns, context)
