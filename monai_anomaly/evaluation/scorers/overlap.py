# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...metrics.segmentation import above, dice_by_samples, overlap_scores
from ..cases import Cases
from ..summary import case_mean, score
from ..task import Columns, Context, Summary

__all__ = ["score_overlap"]

MEANS = ("dice", "jaccard", "hd95", "dice_without_empty", "jaccard_without_empty", "flagged_cases", "flagged_pixels")


def score_overlap(cases: Cases, context: Context) -> tuple[Summary, Columns]:
    """Overlap of masks with the truth of one region (thesis ch. 5, Table 1).

    Scores are means over the cases where the region is not empty. An empty prediction counts as Dice and Jaccard 0 and
    has no HD95; ``dice_without_empty`` and ``jaccard_without_empty`` leave it out, and ``empty`` counts it. Where the
    region is empty, ``flagged_cases`` is the share of cases with any predicted pixel.

    Args:
        cases: of one region (K = 1). The prediction is ``mean`` above the threshold; where there is no mean, the score
            of a case is the mean of its members' scores, over those that have it: what one may be expected to score.
        context: setting ``spacing``, and the threshold.

    Returns:
        Summary and columns of the table of cases; the entry of ``dice`` tells it ``by_samples``, of the first m, where
        there are mean and members.
    """
    truth, spacing = cases["mask"][:, 0], context.settings["spacing"]
    members = [cases["mean"][:, 0]] if cases.has("mean") else list(cases["samples"][:, :, 0].swapaxes(0, 1))
    columns = _mean_of([_columns(above(member, context.threshold), truth, spacing) for member in members])
    counted = columns["empty"][np.isfinite(columns["empty"])]
    summary: Summary = {name: case_mean(columns[name], context.interval) for name in MEANS}
    summary["empty"] = score(counted.sum(), len(counted))
    if cases.has("mean") and cases.has("samples") and cases["samples"].shape[1] > 1:
        curve = dice_by_samples(cases["samples"][:, :, 0], truth, context.threshold)
        summary["dice"]["by_samples"] = [
            {"samples": m + 1, **case_mean(dice, context.interval)} for m, dice in enumerate(curve.T)
        ]
    kept = ("dice", "jaccard", "hd95", "empty", "pixels")
    return summary, {name: columns[name] for name in kept}


def _columns(predictions: np.ndarray, masks: np.ndarray, spacing: float | Sequence[float]) -> Columns:
    """Every score of every case, NaN where it does not count; ``pixels``, of the prediction, always counts."""
    columns = overlap_scores(predictions, masks, spacing)
    kept, healthy = columns["empty"] == 0, ~masks.any((1, 2))
    return {
        **columns,
        **{f"{k}_without_empty": np.where(kept, columns[k], np.nan) for k in ("dice", "jaccard")},
        "flagged_cases": np.where(healthy, predictions.any((1, 2)), np.nan),
        "flagged_pixels": np.where(healthy, predictions.mean((1, 2)), np.nan),
        "pixels": predictions.sum((1, 2)).astype(np.float64),
    }


def _mean_of(members: Sequence[Columns]) -> Columns:
    """Mean of each score over those members of a case that have it."""
    mean = {}
    for name in members[0]:
        values = np.stack([columns[name] for columns in members])
        known = np.isfinite(values).sum(0)
        mean[name] = np.where(known > 0, np.nansum(values, 0) / np.maximum(known, 1), np.nan)
    return mean
