# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..tables import INTERVAL_LEGEND, Column, Section, difference_table, legend_of, part_tables, score_table

__all__ = ["SHOWN", "translation_sections"]

REACHED = (
    Column("size_error", "size error", 4),
    Column("size_change", "size change", 4),
    Column("size_correlation", "correlation"),
    Column("size_slope", "slope"),
    Column("mask_dice", "Dice"),
    Column("lesion_left", "lesion left"),
    Column("false_size", "false size", 4),
    Column("false_cases", "false cases"),
    Column("own_error", "own error [before]", 4, beside="own_error_before"),
    Column("own_correlation", "own corr."),
    Column("own_slope", "own slope"),
    Column("other_error", "other error", 4),
    Column("other_change", "other change", 4),
)
REACHED_LEGEND = """\
By an independent segmenter on the translated image: size error, mean of |found - wanted| lesion pixels / brain
pixels; size change, of |found - found in the input|; correlation (Pearson) and slope of found against wanted size, of
all cases together; Dice with the desired lesion, of cases that want one; lesion left, share of the pixels that should
have lost their lesion where it is still found; false, found outside of old and new lesion and the margin (size /
brain, share of cases with any). Own: the same of the method's own network, which guided it and is no independent
judge; [before]: on the input. Other: error and change of a second scalar, led to a value as well or to stay. "true
counterfactual": the truth as the method's result, what the segmenter itself allows."""
CHANGES = (
    Column("error_lesion", "error in the lesion", 4),
    Column("error_outside", "error outside", 4),
    Column("change", "change", 4),
    Column("change_lesion", "change in the lesion", 4),
    Column("drift", "drift", 4),
    Column("share_inside", "share inside"),
    Column("ssim_outside", "SSIM outside", 4),
    Column("same_person", "same person"),
)
CHANGES_LEGEND = """\
Error: mean absolute difference to the true counterfactual, where the lesion is or should be, and in the rest of the
brain. Change: the same to the input, in the brain; drift, in the brain outside of old and new lesion and the margin,
where nothing should change; share inside, of the whole change. All but shares and SSIM as shares of the intensity
range. Same person: share of cases whose result is nearer to its own input than to those of all other subjects."""
COMPARED = (
    Column("size_error", "size error", 4),
    Column("mask_dice", "Dice"),
    Column("error_lesion", "error in the lesion", 4),
    Column("drift", "drift", 4),
    Column("own_error", "own error", 4),
    Column("other_error", "other error", 4),
)
SIGN_LEGEND = "Of errors and drift, below 0 is better."
COMPARED_LEGEND = """\
Paired: the mean over the cases of the first row's score minus the other's on the same case, with its 95 % interval (the
trainings are not drawn again). An interval that holds 0: not decided by this test set."""
SHOWN = (*REACHED, *CHANGES)


def translation_sections(report: Mapping[str, Any]) -> list[Section]:
    """The tables of a report, or of a comparison, of translations.

    Args:
        report: see :py:func:`monai_anomaly.evaluation.evaluate_cases`.
    """
    parts = {f"{name}, {part['counts']['cases']} cases": part for name, part in report["parts"].items()}
    reached = {name: score_table(part["methods"], REACHED) for name, part in parts.items()}
    changes = {name: score_table(part["methods"], CHANGES) for name, part in parts.items()}
    compared = {name: difference_table(part["comparisons"], COMPARED) for name, part in parts.items()}
    return [
        *part_tables("What was asked for", reached, legend_of(report, REACHED_LEGEND, INTERVAL_LEGEND)),
        *part_tables("Truth, changes and identity", changes, CHANGES_LEGEND),
        *part_tables("First row minus each other", compared, legend_of(report, SIGN_LEGEND, COMPARED_LEGEND)),
    ]
