# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from ...metrics.otsu import average_otsu, otsu_threshold
from ...metrics.pixel_scores import dice_per_slice, per_slice, ranking_scores, roc_auc
from ...metrics.thresholds import Threshold, best_dice_threshold, healthy_quantile_threshold
from ..cases import Cases
from ..disease import diseased, healthy
from ..summary import case_mean, score
from ..task import Columns, Context, Summary
from .reconstruction import true_differences

__all__ = ["TOP_SHARE", "score_maps"]

TOP_SHARE = 0.01
"""The value of a map as a whole is the mean of this share of its highest pixels."""


def score_maps(cases: Cases, context: Context) -> tuple[Summary, Columns]:
    """Scores of anomaly maps: Dice at several thresholds, AUROC and AP of pixels, AUROC of images.

    Args:
        cases: with ``map``; those without score nothing.
        context: settings ``min_lesion_pixels`` and ``false_positive_rate``.

    Returns:
        Summary and columns of the table of cases.
    """
    if not cases.has("map"):
        return {}, {}
    minimum, interval = context.settings["min_lesion_pixels"], context.interval
    maps, mask = cases["map"], cases["mask"]
    sick, well = diseased(cases, minimum), healthy(cases)
    whole, known = _whole_image(maps), sick | well
    summary: Summary = {"image_auroc_map": score(roc_auc(whole[known], sick[known]), known.sum())}
    columns: Columns = {"map_value": whole}
    sick &= cases.known("mask")  # where the lesion lies is not known of the others
    if not sick.any():
        return summary, columns

    own = np.array([otsu_threshold(torch.from_numpy(m)) for m in maps])
    for threshold, chosen_on in _thresholds(cases, context, own, sick):
        # float64 on both sides: a threshold between two float32 values must not be rounded to one of them
        each = own if threshold.origin == "per_image_otsu" else np.full_like(own, threshold.value)
        predictions = maps > each[:, None, None, None]
        dice = np.where(sick, dice_per_slice(predictions, mask), np.nan)
        flagged = predictions[well].mean() if well.any() else np.nan
        summary[f"dice_{threshold.origin}"] = {
            **case_mean(dice, interval),
            "threshold": asdict(threshold) | {"chosen_on": chosen_on},
            "flagged_share_of_healthy": score(flagged, well.sum()),
        }
        columns[f"dice_{threshold.origin}"] = dice
    columns["threshold_per_image_otsu"] = own
    auroc, ap = (np.where(sick, x, np.nan) for x in per_slice(maps, mask))
    labeled = cases.known("mask") | well
    pooled = ranking_scores(maps[labeled], mask[labeled])
    for name, values, overall in (("pixel_auroc", auroc, pooled[0]), ("pixel_ap", ap, pooled[1])):
        summary[name] = case_mean(values, interval)
        summary[f"{name}_pooled"] = score(overall, labeled.sum(), pixels=maps[labeled].size)
        columns[name] = values
    return summary, columns


def _thresholds(test: Cases, context: Context, own: np.ndarray, sick: np.ndarray) -> Iterator[tuple[Threshold, str]]:
    """Every threshold that the sets allow for, with what it was chosen on; ``own`` is Otsu's of every test map."""
    settings: Any = context.settings
    yield Threshold(float(own[sick].mean()), "average_otsu"), "test"
    yield Threshold(float(own[sick].mean()), "per_image_otsu"), "test"
    twins = sick & test.known("twin")
    if test.has("reconstruction") and twins.any():  # a map without a reconstruction is no difference of images
        few = test.subset(np.flatnonzero(twins))
        truth = true_differences(few, settings["data_range"], settings.get("weights"))
        value = average_otsu(torch.from_numpy(truth))
        yield Threshold(value, "average_otsu_truth"), "true differences of the test set"
    valid = context.validation
    if valid is not None and valid.has("map"):
        ill, well = diseased(valid, settings["min_lesion_pixels"]) & valid.known("mask"), healthy(valid)
        if ill.any():
            value = best_dice_threshold(valid["map"][ill], valid["mask"][ill])[0]
            yield Threshold(value, "validation"), "validation"
        if well.any():
            value = healthy_quantile_threshold(valid["map"][well], settings["false_positive_rate"])
            yield Threshold(value, "healthy_quantile"), "validation"
    yield Threshold(best_dice_threshold(test["map"][sick], test["mask"][sick])[0], "oracle"), "test"


def _whole_image(maps: np.ndarray) -> np.ndarray:
    count = max(1, round(TOP_SHARE * maps[0].size))
    return np.sort(maps.reshape(len(maps), -1), axis=1)[:, -count:].mean(1)
