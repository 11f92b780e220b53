# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from .metrics_files import write_metrics
from .tables import interval_cell, markdown_table, origin_line, score_cell

__all__ = [
    "baseline_notes",
    "calibration_table",
    "comparison_table",
    "overlap_table",
    "segmentation_table",
    "write_segmentation_report",
]

SHOWN_SIZES = (1, 2, 3, 4, 5, 7, 10, 20, 50, 100)
"""Ensemble sizes in the table; ``metrics.json`` has all."""
ROW_LEGEND = """\
First row: the method; below it one sample of its ensemble (the mean over its samples) and the trivial baseline (the
channel and threshold with the best Dice on the validation masks)."""
SCORE_LEGEND = """\
Scores are of 2D slices, means over the n slices where the region is not empty, below each its 95 % interval (subjects
drawn again). An empty prediction counts as Dice and Jaccard 0 and has no HD95; [in brackets] it is left out; empty: how
many there are. Flagged: share of the slices without the region where any pixel is predicted."""
COMPARISON_LEGEND = """\
Paired: the mean over the slices of the method's Dice less the other's on the same slice, with its 95 % interval. An
interval above 0: the method is better; around 0: not decided by this test set."""
CALIBRATION_LEGEND = """\
Of the mean, at all pixels inside the brain together. ECE, ACE, MCE: gap between predicted probability and frequency,
mean over the pixels, over the bins, and the largest; error AUROC: how well the entropy of the mean ranks wrong pixels
above right ones; AURC: area under the risk-coverage curve, at best 0, without any ranking the error rate."""
SIZE_LEGEND = "Dice of the first n samples' mean above 0.5, mean over the slices where the region is not empty."


def write_segmentation_report(
    report: Mapping[str, Any], output_dir: str | os.PathLike, provenance: Mapping[str, Any]
) -> str:
    """Write ``metrics.json`` (everything), ``metrics.csv`` (a row a slice) and ``metrics.md`` (the tables).

    Args:
        report: result of :py:func:`monai_anomaly.metrics.evaluate_segmentation`.
        output_dir: folder to write to.
        provenance: result of :py:func:`provenance`.

    Returns:
        The text of ``metrics.md``, for printing.
    """
    text = segmentation_table(report, provenance)
    write_metrics(report, text, output_dir, provenance)
    return text


def segmentation_table(report: Mapping[str, Any], provenance: Mapping[str, Any]) -> str:
    """The tables of a report as Markdown that is also aligned in a terminal.

    Args:
        report: result of :py:func:`monai_anomaly.metrics.evaluate_segmentation`.
        provenance: result of :py:func:`provenance`.

    Returns:
        Scores of every region as in thesis ch. 5, Table 1; calibration; Dice by ensemble size; where they came from.
    """
    regions, counts = report["regions"], report["counts"]
    parts = ["# Evaluation", f"- test: {counts['slices']} slices of {counts['subjects']} subjects"]
    for name, region in regions.items():
        found = region["counts"]
        parts.append(f"## {name}: {found['with_lesion']} slices with it, {found['without_lesion']} without")
        parts += [overlap_table(region["methods"]), *baseline_notes(region["methods"])]
    parts.append(f"{ROW_LEGEND}\n{SCORE_LEGEND}")
    if any(region["comparisons"] for region in regions.values()):
        parts += ["## The method less each other, Dice", comparison_table(regions), COMPARISON_LEGEND]
    parts += ["## Calibration and uncertainty", calibration_table(regions), CALIBRATION_LEGEND]
    if all("dice_by_samples" in region for region in regions.values()):
        parts += ["## Dice by number of samples", _sizes(regions), SIZE_LEGEND]
    parts.append(origin_line(provenance, report["settings"]))
    return "\n\n".join(parts) + "\n"


def overlap_table(methods: Mapping[str, Any]) -> str:
    """The columns of thesis ch. 5, Table 1, a row for every method with its scores; the first one's name is bold."""
    rows = []
    for i, (name, scores) in enumerate(methods.items()):
        dice, jaccard = (_bracketed(scores, key) for key in ("dice", "jaccard"))
        empty = scores["empty"]["value"]
        shown = "-" if empty is None else f"{empty:.1f}".removesuffix(".0")
        flagged = score_cell(scores["flagged_slices"])
        title = f"**{name}**" if i == 0 else name
        rows.append([title, dice, score_cell(scores["hd95"]), jaccard, shown, flagged, str(scores["dice"]["n"])])
        intervals = [interval_cell(scores[key]) for key in ("dice", "hd95", "jaccard")]
        if any(intervals):
            rows.append(["95 % interval", *intervals, "", interval_cell(scores["flagged_slices"]), ""])
    return markdown_table(["method", "Dice", "HD95 (mm)", "Jaccard", "empty", "flagged", "n"], rows)


def _bracketed(scores: Mapping[str, Any], key: str) -> str:
    return f"{score_cell(scores[key])} [{score_cell(scores[f'{key}_without_empty'])}]"


def baseline_notes(methods: Mapping[str, Any]) -> list[str]:
    """What the trivial baselines among some methods are."""
    return [
        f"Baseline: {s['channel']} > {s['threshold']['value']:.4g}, Dice {s['validation_dice']:.3f} on validation."
        for s in methods.values()
        if "channel" in s
    ]


def comparison_table(regions: Mapping[str, Any], title: str = "less") -> str:
    """Paired differences of Dice with their intervals, those in the ``comparisons`` of every region.

    Args:
        regions: as in a report.
        title: of the column with the names of the comparisons.
    """
    rows = [
        [region, name, score_cell(s["dice"], sign="+"), interval_cell(s["dice"], sign="+") or "-", str(s["dice"]["n"])]
        for region, scores in regions.items()
        for name, s in scores["comparisons"].items()
    ]
    return markdown_table(["region", title, "difference", "95 % interval", "n"], rows)


def calibration_table(regions: Mapping[str, Any], title: str = "region") -> str:
    """Scores of the mean as a probability, a row for every entry with its ``calibration`` and ``uncertainty``.

    Args:
        regions: as in a report, or what several reports have for one region.
        title: of the column with their names.
    """
    rows = []
    for name, region in regions.items():
        scores = {**region["calibration"], **region["uncertainty"]}
        cells = [score_cell(scores[key], 4) for key in ("ece", "ace", "mce", "brier")]
        cells += [score_cell(scores["error_auroc"]), score_cell(scores["aurc"], 5), score_cell(scores["error_rate"], 5)]
        rows.append([name, *cells, str(scores["ece"]["pixels"])])
    return markdown_table([title, "ECE", "ACE", "MCE", "Brier", "error AUROC", "AURC", "error rate", "pixels"], rows)


def _sizes(regions: Mapping[str, Any]) -> str:
    curves = [region["dice_by_samples"] for region in regions.values()]
    rows = [
        [str(points[0]["samples"]), *(cell for p in points for cell in (score_cell(p), interval_cell(p) or "-"))]
        for points in zip(*curves, strict=True)
        if points[0]["samples"] in (*SHOWN_SIZES, len(curves[0]))
    ]
    return markdown_table(["n", *(t for name in regions for t in (name, "95 % interval"))], rows)
