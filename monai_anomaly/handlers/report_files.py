# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from .difference_tables import (
    CLASSIFICATION_LEGEND,
    DIFFERENCE_LEGEND,
    classification_table,
    difference_table,
)
from .metrics_files import write_metrics
from .tables import count_cell, interval_cell, markdown_table, origin_line, score_cell

__all__ = ["report_table", "write_report"]

DICE_TITLES = {
    "validation": "Dice val.",
    "average_otsu": "avg. Otsu",
    "per_image_otsu": "img. Otsu",
    "average_otsu_truth": "truth Otsu",
    "healthy_quantile": "healthy q.",
    "oracle": "oracle",
}
RANKING_TITLES = {"pixel_auroc": "AUROC", "pixel_ap": "AP"}
IMAGE_TITLES = {"image_auroc_map": "image AUROC", "image_auroc_classifier": "classifier"}
LEGEND = """\
First row: the method; below: trivial baselines, scored alike. Dice at the threshold chosen on validation masks (val.),
by Otsu on the test maps (mean over the diseased slices, or each its own) and, where they are known, on the true
differences of the test set (truth Otsu, as in thesis ch. 6: uses the test truth), by the false positive rate on healthy
validation slices (healthy q.), and on the test masks (oracle: an upper bound, not a result). Dice, AUROC and AP are
means over the diseased test slices, below each its 95 % interval (subjects drawn again; the threshold is held);
(all): over all pixels of all test slices together. Image AUROC: diseased against healthy slices by the map's highest
pixels; classifier: by its score."""
COMPARISON_TITLES = {"dice_validation": "Dice val.", "pixel_ap": "AP"}
COMPARISON_LEGEND = """\
Paired: the mean over the diseased test slices of the method's score less the baseline's on the same slice, with its
95 % interval. An interval above 0: the method is better; around 0: not decided by this test set."""
TRANSLATION_TITLES = {
    "twin_mae_lesion": "error to the healthy twin, in the lesion",
    "twin_mae_brain": "error to the healthy twin, in the foreground",
    "twin_ssim": "SSIM to the healthy twin",
    "change_healthy_slices": "change of healthy slices, in the foreground",
    "change_diseased_slices": "change of diseased slices, in the foreground",
}


def write_report(report: Mapping[str, Any], output_dir: str | os.PathLike, provenance: Mapping[str, Any]) -> str:
    """Write ``metrics.json`` (everything), ``metrics.csv`` (a row a slice) and ``metrics.md`` (the tables).

    Args:
        report: result of :py:func:`monai_anomaly.metrics.evaluate`.
        output_dir: folder to write to.
        provenance: result of :py:func:`provenance`.

    Returns:
        The text of ``metrics.md``, for printing.
    """
    text = report_table(report, provenance)
    write_metrics(report, text, output_dir, provenance)
    return text


def report_table(report: Mapping[str, Any], provenance: Mapping[str, Any]) -> str:
    """The tables of a report as Markdown that is also aligned in a terminal.

    Args:
        report: result of :py:func:`monai_anomaly.metrics.evaluate`.
        provenance: result of :py:func:`provenance`.

    Returns:
        Scores, thresholds, translation errors and the classifier's scores; then where they came from.
    """
    methods = report["methods"]
    names = {name: f"**{name}**" if i == 0 else name for i, name in enumerate(methods)}
    parts = ["# Evaluation", _counts(report["counts"]), _scores(methods, names)]
    own = next(iter(methods.values()))
    if any("dice" in scores for scores in methods.values()):
        parts.append(LEGEND)
    if "dice" in own:
        parts += ["## Thresholds of the method", _thresholds(own["dice"])]
    if "comparisons" in report:
        parts += ["## The method less each baseline", _comparisons(report["comparisons"]), COMPARISON_LEGEND]
    if "translation" in report:
        parts += ["## Healthy reconstruction (share of the intensity range)", _translation(report["translation"])]
        parts += ["## Difference (thesis ch. 6)", difference_table(report["translation"]), DIFFERENCE_LEGEND]
    if "image_auroc_classifier" in own:
        parts += ["## Classification of images", classification_table(methods), CLASSIFICATION_LEGEND]
    parts.append(origin_line(provenance, report["settings"]))
    return "\n\n".join(parts) + "\n"


def _counts(counts: Mapping[str, Mapping[str, int]]) -> str:
    return "\n".join(
        f"- {name}: {c['slices']} slices ({c['diseased']} diseased, {c['healthy']} healthy) of {c['subjects']} subjects"
        for name, c in counts.items()
    )


def _scores(methods: Mapping[str, Any], names: Mapping[str, str]) -> str:
    dice = [k for k in DICE_TITLES if any(k in s.get("dice", {}) for s in methods.values())]
    ranking = [k for k in RANKING_TITLES if any(k in s for s in methods.values())]
    image = [k for k in IMAGE_TITLES if any(k in s for s in methods.values())]
    title = ["method", *(DICE_TITLES[k] for k in dice)]
    title += [f"{RANKING_TITLES[k]}{how}" for k in ranking for how in ("", " (all)")]
    title += [IMAGE_TITLES[k] for k in image]
    rows = []
    for name, scores in methods.items():
        cells = [scores.get("dice", {}).get(k) for k in dice]
        cells += [scores.get(k, {}).get(how) for k in ranking for how in ("per_slice", "pooled")]
        rows.append([names[name], *map(score_cell, cells), *(score_cell(scores.get(k)) for k in image)])
        intervals = [interval_cell(cell) for cell in cells]
        if any(intervals):
            rows.append(["95 % interval", *intervals, *("" for _ in image)])
    return markdown_table(title, rows)


def _thresholds(dice: Mapping[str, Any]) -> str:
    rows = [
        [
            origin.replace("_", " ").replace("otsu", "Otsu"),
            scores["threshold"]["chosen_on"],
            f"{scores['threshold']['value']:.4g}",
            f"{score_cell(scores)} ± {score_cell({'value': scores['sd']})}",
            interval_cell(scores) or "-",
            str(scores["n"]),
            score_cell(scores["flagged_share_of_healthy_slices"], 4),
        ]
        for origin, scores in dice.items()
    ]
    return markdown_table(
        ["origin", "chosen on", "threshold", "Dice ± sd", "95 % interval", "n", "healthy pixels flagged"], rows
    )


def _translation(scores: Mapping[str, Any]) -> str:
    rows = [
        [
            title,
            score_cell(scores[key], 4),
            interval_cell(scores[key], 4) or "-",
            score_cell(scores.get(f"input_{key}"), 4),
            str(scores[key]["n"]),
        ]
        for key, title in TRANSLATION_TITLES.items()
        if key in scores
    ]
    return markdown_table(["quantity", "reconstruction", "95 % interval", "input untouched", "n"], rows)


def _comparisons(comparisons: Mapping[str, Any]) -> str:
    keys = [k for k in COMPARISON_TITLES if any(k in scores for scores in comparisons.values())]
    title = ["baseline"]
    for key in keys:
        title += [COMPARISON_TITLES[key], "95 % interval", "n"]
    rows = []
    for name, scores in comparisons.items():
        cells = [scores.get(key) for key in keys]
        rows.append(
            [
                name,
                *(
                    t
                    for c in cells
                    for t in (score_cell(c, sign="+"), interval_cell(c, sign="+") or "-", count_cell(c))
                ),
            ]
        )
    return markdown_table(title, rows)
