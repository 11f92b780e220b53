# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np

from ....metrics import dice_per_slice, line_moments, pearson_of, slope_of
from ...edited import SIZE, Edited, grown, relative_size, stacked_masks
from ...summary import number
from ...task import Columns, Context, Summary
from .means import known_means

__all__ = ["score_masks", "score_other", "score_value"]


def score_value(edited: Edited, context: Context) -> tuple[Summary, Columns]:
    r"""How near the value that was asked for is, as measured on the translated image.

    ``size_error``, ``size_correlation``, ``size_slope``: by the independent segmenter, lesion pixels / brain pixels of
    the slice; only where the value is a size. ``size_change``: mean of \|found - found in the input\|, its drift where
    nothing was asked of it. ``own_error``, ``own_correlation``, ``own_slope``: by the method's own
    network, which guided it, so that it may please that network alone; ``own_error_before``: of that on the input. The
    error is the mean of \|found - wanted\|; correlation (Pearson) and slope (found against wanted, at best 1, least
    squares) are of all cases together, their interval draws subjects again.
    """
    cases, settings = edited.cases, context.settings
    wanted = edited.wanted
    measured = {"own": np.asarray(cases["value_after"], np.float64)}
    if settings["value"] == SIZE:
        measured = {"size": relative_size(cases, "found_after", settings), **measured}
    columns: Columns = {f"{name}_error": np.abs(found - wanted) for name, found in measured.items()}
    if settings["value"] == SIZE:
        columns["size_change"] = np.abs(measured["size"] - relative_size(cases, "found_before", settings))
    columns["own_error_before"] = np.abs(np.asarray(cases["value_before"], np.float64) - wanted)
    summary, columns = known_means(columns, context)
    for name, found in measured.items():
        if f"{name}_error" in columns:
            summary |= _line(name, wanted, found, context)
            columns[f"{name}_found"] = found
    return summary, columns


def score_other(edited: Edited, context: Context) -> tuple[Summary, Columns]:
    r"""How a second scalar moved, which was led to a value as well or was to stay.

    ``other_error``: mean of \|found - wanted\|; where nothing was asked of it, wanted is what it was before.
    ``other_change``: mean of \|found - before\|.
    """
    before, after, wanted = (
        np.asarray(edited.cases[name], np.float64) for name in ("other_before", "other_after", "other_wanted")
    )
    wanted = np.where(edited.cases.known("other_wanted"), wanted, before)
    return known_means({"other_error": np.abs(after - wanted), "other_change": np.abs(after - before)}, context)


def score_masks(edited: Edited, context: Context) -> tuple[Summary, Columns]:
    """Where the independent segmenter finds a lesion in the translated image.

    ``mask_dice``: Dice with the desired lesion, of cases that have one; 0 where nothing is found. ``lesion_left``: of
    the pixels that should have lost their lesion (in ``mask``, but not in ``target_mask``, which the margin widens
    unless it is empty), the share where it is still found. ``false_size``: pixels found outside of both masks and
    their margin / brain pixels; ``false_cases``: share of cases with any.
    """
    cases = edited.cases
    found_known = cases.known("found_after")
    if not (found_known & edited.known).any():
        return {}, {}
    found, target = stacked_masks(cases, "found_after"), stacked_masks(cases, "target_mask")
    with_target = found_known & edited.target_known
    kept = np.stack([grown(mask, context.settings["margin"]) for mask in target])
    lost = stacked_masks(cases, "mask") & ~kept
    lost_pixels = lost.sum((1, 2, 3))
    false = (found & ~edited.around).sum((1, 2, 3))
    size = false / np.maximum(edited.brain.sum((1, 2, 3)), 1)
    both = found_known & edited.known
    columns = {
        "mask_dice": np.where(with_target, dice_per_slice(found, target), np.nan),
        "lesion_left": np.where(
            with_target & (lost_pixels > 0), (found & lost).sum((1, 2, 3)) / np.maximum(lost_pixels, 1), np.nan
        ),
        "false_size": np.where(both, size, np.nan),
        "false_cases": np.where(both, false > 0, np.nan),
    }
    return known_means(columns, context)


def _line(name: str, wanted: np.ndarray, found: np.ndarray, context: Context) -> Summary:
    """Correlation and slope of all cases together; none where all wanted the same."""
    moments = line_moments(wanted, found)
    known = np.isfinite(moments).all(1)
    summary: Summary = {}
    for what, statistic in (("correlation", pearson_of), ("slope", slope_of)):
        value = float(statistic(moments[known].mean(0)))
        if np.isfinite(value):
            bounds = context.interval(moments, statistic=statistic)
            ci95 = None if bounds is None else list(bounds)
            summary[f"{name}_{what}"] = {"value": number(np.float64(value)), "n": int(known.sum()), "ci95": ci95}
    return summary
