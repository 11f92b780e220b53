# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..handlers.tables import markdown_table
from ..metrics.segmentation.report import ONE_SAMPLE
from .benchmark_table import benchmark_origin, difference_cell, paired_differences

__all__ = ["region_differences", "region_scores", "segmentation_benchmark_table"]

OVERLAP = ("dice", "jaccard", "hd95", "empty")
CALIBRATION, UNCERTAINTY = ("ece", "ace", "mce", "brier"), ("error_auroc", "aurc")
TITLE = (
    "setting",
    "evaluations a sample",
    "Dice, 1 sample",
    "Dice of n",
    "Δ Dice of n (95 %)",
    "HD95 (mm)",
    "empty",
    "ECE",
    "Δ ECE",
    "ACE",
    "MCE",
    "Brier",
    "error AUROC",
    "s/slice",
    "ratio",
)


def region_scores(report: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What a benchmark keeps of the report of one setting.

    Args:
        report: result of :py:func:`monai_anomaly.metrics.evaluate_segmentation`.

    Returns:
        Region -> Dice, Jaccard, HD95 and empty masks of the ensemble, and under ``one_sample`` of one of its samples;
        calibration and uncertainty; ``per_slice`` with Dice of both.
    """
    result = {}
    for name, region in report["regions"].items():
        ensemble = next(iter(region["methods"]))
        one = ONE_SAMPLE if ONE_SAMPLE in region["methods"] else ensemble
        overlap = {m: {k: region["methods"][m][k]["value"] for k in OVERLAP} for m in (ensemble, one)}
        columns = {"dice": f"dice_{name}", "one_sample": f"dice_{name}" + f" ({one})" * (one != ensemble)}
        result[name] = {
            **overlap[ensemble],
            "one_sample": overlap[one],
            **{k: region["calibration"][k]["value"] for k in CALIBRATION},
            **{k: region["uncertainty"][k]["value"] for k in UNCERTAINTY},
            "per_slice": {
                short: [None if case[column] is None else round(case[column], 5) for case in report["cases"]]
                for short, column in columns.items()
            },
        }
    return result


def region_differences(
    rows: Mapping[str, Mapping[str, Any]], names: Sequence[str], subjects: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Each setting less the first one, on the same slices.

    Args:
        rows: setting -> ``regions``, see :py:func:`region_scores`.
        names: the settings; the first is the one the others are compared to.
        subjects: whose each slice is.

    Returns:
        Region -> setting -> ``dice``, of the ensembles, see :py:func:`paired_differences`, and ``ece``, a number.
    """
    result = {}
    for region in rows[names[0]]["regions"]:
        scores = {name: rows[name]["regions"][region] for name in names}
        result[region] = paired_differences({"model": scores}, names, subjects, keys=("dice",))
        for name, difference in result[region].items():
            pair = [scores[n]["ece"] for n in (name, names[0])]
            difference["ece"] = None if None in pair else pair[0] - pair[1]
    return result


def segmentation_benchmark_table(
    rows: Mapping[str, Mapping[str, Any]],
    names: Sequence[str],
    differences: Mapping[str, Mapping[str, Any]],
    subjects: Sequence[str],
    about: Mapping[str, Any],
) -> str:
    """Scores of the first region, differences to the first setting, evaluations a sample and time a slice.

    Args:
        rows: see :py:func:`region_differences`, with ``evaluations`` and ``seconds``.
        names: the settings, a row each.
        differences: result of :py:func:`region_differences`.
        subjects: whose each test slice is.
        about: provenance of the benchmark, with ``device`` and ``samples``.

    Returns:
        Markdown.
    """
    region = next(iter(rows[names[0]]["regions"]))
    first, cells = rows[names[0]], []
    for name in names:
        row, scores, less = rows[name], rows[name]["regions"][region], differences[region].get(name, {})
        shown = [_cell(scores["one_sample"]["dice"], ".3f"), _cell(scores["dice"], ".3f")]
        shown += [difference_cell(less.get("dice")), _cell(scores["hd95"], ".2f"), _cell(scores["empty"], ".0f")]
        shown += [_cell(scores["ece"], ".4f"), _cell(less.get("ece"), "+.4f")]
        shown += [_cell(scores[k], ".4f") for k in ("ace", "mce", "brier")] + [_cell(scores["error_auroc"], ".3f")]
        time = [f"{row['seconds']:.4g}", f"{row['seconds'] / first['seconds']:.4f}"]
        cells.append([name, f"{row['evaluations']:.0f}", *shown, *time])
    note = (
        f"{region}; n = {about['samples']}; {len(subjects)} test slices of {len(set(subjects))} subject(s);"
        " Δ: less the first row, on the same slices with the same weights, with the 95 % interval over subjects;"
        f" s/slice: all n samples; {about['device']}; {benchmark_origin(about)}."
    )
    return f"{markdown_table(TITLE, cells)}\n\n{note}\n"


def _cell(value: float | None, kind: str) -> str:
    return "-" if value is None else format(value, kind)
