# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from .cases import AnomalyCases
from .otsu import average_otsu, otsu_threshold
from .pixel_scores import dice_per_slice, per_slice, ranking_scores, roc_auc
from .summary import Interval, score, slice_mean
from .thresholds import Threshold, best_dice_threshold, healthy_quantile_threshold

__all__ = ["TOP_SHARE", "score_maps"]

TOP_SHARE = 0.01
"""The image score of a map is the mean of this share of its highest pixels."""


def score_maps(
    maps: Mapping[str, np.ndarray],
    sets: Mapping[str, AnomalyCases],
    min_lesion_pixels: int,
    false_positive_rate: float,
    interval: Interval,
    truth: np.ndarray | None = None,
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Scores of one method's anomaly maps.

    Args:
        maps: of ``"test"`` and, for its thresholds, of ``"validation"``, each (N, 1, H, W).
        sets: the slices they are of.
        min_lesion_pixels: see :py:func:`evaluate`.
        false_positive_rate: see :py:func:`evaluate`.
        interval: of a mean over slices.
        truth: maps of the true differences of diseased test slices, for a threshold; None leaves it out.

    Returns:
        Summary and columns of the table of cases.
    """
    test, test_maps = sets["test"], maps["test"]
    diseased, healthy = test.diseased(min_lesion_pixels), test.healthy_slices()
    own = np.array([otsu_threshold(torch.from_numpy(m)) for m in test_maps])
    image_score = _image_score(test_maps)
    known = diseased | healthy
    summary: dict[str, Any] = {
        "image_auroc_map": score(roc_auc(image_score[known], diseased[known]), known.sum()),
    }
    columns = {"image_score": image_score}
    if not (test.has_mask and diseased.any()):
        return summary, columns

    summary["dice"] = {}
    for threshold, chosen_on in _thresholds(maps, sets, own, min_lesion_pixels, false_positive_rate, truth):
        # float64 on both sides: a threshold between two float32 values must not be rounded to one of them
        each = own if threshold.origin == "per_image_otsu" else np.full_like(own, threshold.value)
        predictions = test_maps > each[:, None, None, None]
        dice = np.where(diseased, dice_per_slice(predictions, test["mask"]), np.nan)
        flagged = predictions[healthy].mean() if healthy.any() else np.nan
        summary["dice"][threshold.origin] = {
            **slice_mean(dice, interval),
            "threshold": asdict(threshold) | {"chosen_on": chosen_on},
            "flagged_share_of_healthy_slices": score(flagged, healthy.sum()),
        }
        columns[f"dice_{threshold.origin}"] = dice
    columns["threshold_per_image_otsu"] = own
    auroc, ap = (np.where(diseased, x, np.nan) for x in per_slice(test_maps, test["mask"]))
    pooled = ranking_scores(test_maps, test["mask"])
    for name, values, overall in (("pixel_auroc", auroc, pooled[0]), ("pixel_ap", ap, pooled[1])):
        summary[name] = {
            "per_slice": slice_mean(values, interval),
            "pooled": score(overall, len(test_maps), pixels=test_maps.size),
        }
        columns[name] = values
    return summary, columns


def _thresholds(
    maps: Mapping[str, np.ndarray],
    sets: Mapping[str, AnomalyCases],
    own: np.ndarray,
    min_lesion_pixels: int,
    false_positive_rate: float,
    truth: np.ndarray | None,
) -> list[tuple[Threshold, str]]:
    """Every threshold that the sets allow for, with what it was chosen on; ``own`` is Otsu's of every test map."""
    test, diseased = sets["test"], sets["test"].diseased(min_lesion_pixels)
    choices = [
        (Threshold(float(own[diseased].mean()), "average_otsu"), "test"),
        (Threshold(float(own[diseased].mean()), "per_image_otsu"), "test"),
    ]
    if truth is not None:
        value = average_otsu(torch.from_numpy(truth))
        choices.append((Threshold(value, "average_otsu_truth"), "true differences of the test set"))
    if "validation" in maps:
        valid, valid_maps = sets["validation"], maps["validation"]
        sick, well = valid.diseased(min_lesion_pixels), valid.healthy_slices()
        if valid.has_mask and sick.any():
            value = best_dice_threshold(valid_maps[sick], valid["mask"][sick])[0]
            choices.append((Threshold(value, "validation"), "validation"))
        if well.any():
            value = healthy_quantile_threshold(valid_maps[well], false_positive_rate)
            choices.append((Threshold(value, "healthy_quantile"), "validation"))
    oracle = best_dice_threshold(maps["test"][diseased], test["mask"][diseased])[0]
    return [*choices, (Threshold(oracle, "oracle"), "test")]


def _image_score(maps: np.ndarray) -> np.ndarray:
    count = max(1, round(TOP_SHARE * maps[0].size))
    return np.sort(maps.reshape(len(maps), -1), axis=1)[:, -count:].mean(1)
