# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Tables in the form of thesis ch. 6: the difference to the healthy image, and the classification of images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .tables import interval_cell, markdown_table, score_cell

__all__ = [
    "CLASSIFICATION_LEGEND",
    "DIFFERENCE_LEGEND",
    "classification_table",
    "difference_cells",
    "difference_table",
    "of_the_input",
]

DIFFERENCE_TITLES = {
    "difference_mse": "MSE(d, GT) (var)",
    "difference_ssim": "SSIM(d, GT)",
    "change_healthy_mse": "MSE(r_h, a_h) (var)",
}
DIFFERENCE_LEGEND = """\
d: healthy reconstruction less image, GT: healthy twin less image, of the diseased test slices; r_h, a_h: a healthy test
slice and its reconstruction; of images in [-1, 1], over all pixels; (var): the variance over the slices, as thesis
ch. 6 prints it. SSIM of d and GT as they are; the published script rescales each to [0, 1] by itself."""
CLASSIFICATION_TITLES = {
    "image_accuracy_classifier": "accuracy",
    "image_kappa_classifier": "kappa",
    "image_auroc_classifier": "AUROC",
    "image_auroc_map": "AUROC (map)",
}
CLASSIFICATION_LEGEND = """\
Of whole images, diseased against healthy: accuracy and Cohen's kappa of the classifier's score above 0.5, AUROC of its
score, and of the map's highest pixels."""


def difference_cells(scores: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Cells of the columns that a report's ``translation`` has, each with its 95 % interval.

    Args:
        scores: the entries of ``translation``; those that are absent have no cell.

    Returns:
        Title -> (mean and variance, interval or nothing).
    """
    cells = {}
    for key, title in DIFFERENCE_TITLES.items():
        if key in scores:
            digits = 3 if key == "difference_ssim" else 4
            text = score_cell(scores[key], digits)
            if title.endswith("(var)") and scores[key]["sd"] is not None:
                text += f" ({scores[key]['sd'] ** 2:.2g})"
            cells[title] = (text, interval_cell(scores[key], digits))
    return cells


def difference_table(translation: Mapping[str, Any]) -> str:
    """The errors of the difference of one method, with the untouched input beside it (d = 0)."""
    scores: dict[str, Mapping[str, Any]] = {"reconstruction": translation}
    if untouched := of_the_input(translation):
        scores["input untouched"] = untouched
    titles = list(difference_cells(translation))
    rows = []
    for name, entries in scores.items():
        cells = difference_cells(entries)
        rows.append([name, *(cells.get(title, ("-", ""))[0] for title in titles)])
        if any(interval for _, interval in cells.values()):
            rows.append(["95 % interval", *(cells.get(title, ("", ""))[1] for title in titles)])
    return markdown_table(["", *titles], rows)


def classification_table(methods: Mapping[str, Mapping[str, Any]]) -> str:
    """The scores of whole images, a row for every method; a dash where it has no classifier, or no map.

    Args:
        methods: name -> scores, an entry of a report's ``methods``; with ``change_healthy_mse`` of its ``translation``
            there is a column of that.
    """
    keys = [key for key in CLASSIFICATION_TITLES if any(key in scores for scores in methods.values())]
    change = DIFFERENCE_TITLES["change_healthy_mse"]
    last = [change] if any(change in difference_cells(scores) for scores in methods.values()) else []
    rows = []
    for name, scores in methods.items():
        cells = difference_cells(scores)
        more = [cells.get(title, ("-", "")) for title in last]
        rows.append([name, *(score_cell(scores.get(key)) for key in keys), *(text for text, _ in more)])
        intervals = [*(interval_cell(scores.get(key)) for key in keys), *(interval for _, interval in more)]
        if any(intervals):
            rows.append(["95 % interval", *intervals])
    return markdown_table(["method", *(CLASSIFICATION_TITLES[key] for key in keys), *last], rows)


def of_the_input(translation: Mapping[str, Any]) -> dict[str, Any]:
    """The scores in a report's ``translation`` that the untouched input has, under the names of the method's."""
    return {key.removeprefix("input_"): scores for key, scores in translation.items() if key.startswith("input_")}
