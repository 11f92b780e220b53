# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..handlers.segmentation_files import (
    CALIBRATION_LEGEND,
    SCORE_LEGEND,
    baseline_notes,
    calibration_table,
    comparison_table,
    overlap_table,
)
from .origins_table import origins_table

__all__ = ["segmentation_compare_table"]

ROWS = """\
"1 sample" is the mean over the samples of an ensemble; threshold: the channel and threshold with the best Dice on the
validation masks."""
LESS = """\
The mean over the slices of the row's Dice less that of the first row on the same slice, with its 95 % interval (the
trainings are not drawn again). An interval below 0: the first row is better; around 0: not decided by this test set."""


def segmentation_compare_table(result: Mapping[str, Any]) -> str:
    """The tables of a comparison as Markdown that is also aligned in a terminal.

    Args:
        result: what :py:func:`segmentation_compare` writes.

    Returns:
        For every region the columns of thesis ch. 5, Table 1, the paired differences, calibration and uncertainty; and
        where each method came from.
    """
    regions, counts = result["regions"], result["counts"]
    parts = ["# Comparison", f"- test: {counts['slices']} slices of {counts['subjects']} subjects"]
    for name, region in regions.items():
        found = region["counts"]
        parts.append(f"## {name}: {found['with_lesion']} slices with it, {found['without_lesion']} without")
        parts += [overlap_table(region["methods"]), *baseline_notes(region["methods"])]
        parts += [f"### Calibration and uncertainty, {name}", calibration_table(region["of_the_mean"], "method")]
    parts += [f"{ROWS}\n{SCORE_LEGEND}", CALIBRATION_LEGEND]
    if any(region["comparisons"] for region in regions.values()):
        first = next(iter(next(iter(regions.values()))["methods"]))
        parts += [f"## Less {first}, Dice", comparison_table(regions, "row"), LESS]
    return "\n\n".join([*parts, "## Methods", origins_table(result["methods"])]) + "\n"
