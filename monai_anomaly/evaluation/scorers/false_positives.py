# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np

from ...metrics.thresholds import best_dice_threshold
from ...utils import interior
from ..cases import Cases
from ..disease import diseased, healthy
from ..summary import case_mean
from ..task import Columns, Context, Summary

__all__ = ["score_false_positives"]


def score_false_positives(cases: Cases, context: Context) -> tuple[Summary, Columns]:
    """How much of a healthy brain a map flags, at the threshold that validation masks choose.

    Unlike the Dice at that threshold it needs no diseased case, so that a site of healthy people has it too.

    Args:
        cases: with ``map``; without any healthy ones, or without validation masks, they score nothing.
        context: settings ``min_lesion_pixels``, ``data_range`` and ``background``.

    Returns:
        ``healthy_flagged``: the mean over the healthy cases of the share of the brain above the threshold, 0 to 1.
    """
    valid, settings = context.validation, context.settings
    well = healthy(cases)
    if valid is None or not valid.has("map") or not cases.has("map") or not well.any():
        return {}, {}
    ill = diseased(valid, settings["min_lesion_pixels"]) & valid.known("mask")
    if not ill.any():
        return {}, {}
    threshold, _ = best_dice_threshold(valid["map"][ill], valid["mask"][ill])
    brain = interior(cases["image"], 0, settings["background"], 0.01 * settings["data_range"])
    # float64, as for Dice: a threshold between two float32 values must not be rounded to one of them
    flagged = (cases["map"] > np.float64(threshold)) & brain
    share = flagged.sum((1, 2, 3)) / np.maximum(brain.sum((1, 2, 3)), 1)
    share = np.where(well, share, np.nan)
    return {"healthy_flagged": case_mean(share, context.interval)}, {"healthy_flagged": share}
