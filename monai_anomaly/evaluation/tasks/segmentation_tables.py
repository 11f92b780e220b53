# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..tables import (
    INTERVAL_LEGEND,
    Column,
    Section,
    difference_table,
    interval_cell,
    legend_of,
    markdown_table,
    part_tables,
    score_cell,
    score_table,
)

__all__ = ["CALIBRATION", "OVERLAP", "segmentation_sections"]

SHOWN_SIZES = (1, 2, 3, 4, 5, 7, 10, 20, 50, 100)
"""Ensemble sizes in the table; ``metrics.json`` has all."""
OVERLAP = (
    Column("dice", "Dice [without empty]", beside="dice_without_empty"),
    Column("jaccard", "Jaccard [without empty]", beside="jaccard_without_empty"),
    Column("hd95", "HD95 (mm)", 2),
    Column("dice", "n", 0, key="n"),
    Column("empty", "empty", 0),
    Column("flagged_cases", "flagged"),
    Column("flagged_pixels", "flagged pixels", 4),
)
OVERLAP_LEGEND = """\
Means over the n cases where the region is not empty. An empty prediction counts as Dice and Jaccard 0 and has no HD95;
[in brackets] it is left out; empty: how many there are. Flagged: share of the cases without the region where any pixel
is predicted, and of their pixels. "1 sample": the mean over the samples of an ensemble; "threshold": the channel and
threshold with the best Dice on the validation masks. Mean and samples are cut alike: as the line below says, else at
the number that was given, or 0.5."""
COMPARED_LEGEND = """\
Paired: the mean over the cases of the first row's Dice minus the other's on the same case, with its 95 % interval (the
trainings are not drawn again). An interval that holds 0: not decided by this test set."""
CALIBRATION = (
    Column("ece", "ECE", 4),
    Column("ace", "ACE", 4),
    Column("mce", "MCE", 4),
    Column("brier", "Brier", 4),
    Column("error_auroc", "error AUROC"),
    Column("aurc", "AURC", 4),
    Column("error_rate", "error rate", 4),
)
CALIBRATION_LEGEND = """\
Of the mean, at all pixels inside the brain together. ECE, ACE, MCE: gap between predicted probability and frequency,
mean over the pixels, over the bins, and the largest; error AUROC: how well the entropy of the mean ranks wrong pixels
above right ones; AURC: area under the risk-coverage curve, at best 0, without any ranking the error rate."""
SIZE_LEGEND = (
    "Dice of the first n samples' mean above the threshold, mean over the cases where the region is not empty."
)


def segmentation_sections(report: Mapping[str, Any]) -> list[Section]:
    """The tables of a report, or of a comparison, of segmentations.

    Args:
        report: see :py:func:`monai_anomaly.evaluation.evaluate_cases`.
    """
    parts = report["parts"]
    sections = []
    for name, part in parts.items():
        counts = part["counts"]
        title = f"{name}: {counts['with_lesion']} cases with it, {counts['without_lesion']} without"
        notes = [_note(method, about) for method, about in part["about"].items()]
        sections.append(Section(title, "\n\n".join([score_table(part["methods"], OVERLAP), *notes])))
    sections.append(Section("", legend_of(report, OVERLAP_LEGEND, INTERVAL_LEGEND)))
    compared = {name: difference_table(part["comparisons"], (Column("dice", "Dice"),)) for name, part in parts.items()}
    sections += part_tables("First row minus each other, Dice", compared, legend_of(report, "", COMPARED_LEGEND))
    calibrated = {name: score_table(part["methods"], CALIBRATION) for name, part in parts.items()}
    sections += part_tables("Calibration and uncertainty", calibrated, CALIBRATION_LEGEND)
    sizes = {name: _sizes(next(iter(part["methods"].values()))) for name, part in parts.items()}
    sections += part_tables("Dice by number of samples", sizes, SIZE_LEGEND)
    return sections


def _note(method: str, about: Mapping[str, Any]) -> str:
    threshold, of = about["threshold"], about.get("channel", "probability")
    value = threshold["value"]
    if "rule" in threshold:
        said = f"{of} above half of the expected Dice of each case, nothing where none exceeds {value:.4g}"
    else:
        said = f"{of} above {value:.4g}"
    dice = f", Dice {about['validation_dice']:.3f} on the validation masks" if "validation_dice" in about else ""
    return f"{method}: {said}{dice}."


def _sizes(scores: Mapping[str, Any]) -> str:
    curve = [point for point in scores["dice"].get("by_samples", []) if point["samples"] in SHOWN_SIZES]
    if not curve:
        return ""
    rows = [["Dice", *map(score_cell, curve)], ["95 % interval", *map(interval_cell, curve)]]
    return markdown_table(["samples", *(str(point["samples"]) for point in curve)], rows)
