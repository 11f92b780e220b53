# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..tables import (
    Column,
    Section,
    difference_table,
    interval_cell,
    legend_of,
    markdown_table,
    score_cell,
    score_table,
)
from ..task import ALL

__all__ = ["SHOWN", "anomaly_sections"]

SCORES = (
    Column("dice_validation", "Dice val."),
    Column("dice_average_otsu", "avg. Otsu"),
    Column("dice_per_image_otsu", "img. Otsu"),
    Column("dice_average_otsu_truth", "truth Otsu"),
    Column("dice_healthy_quantile", "healthy q."),
    Column("dice_oracle", "oracle"),
    Column("pixel_auroc", "AUROC"),
    Column("pixel_auroc_pooled", "AUROC (all)"),
    Column("pixel_ap", "AP"),
    Column("pixel_ap_pooled", "AP (all)"),
    Column("image_auroc_map", "image AUROC"),
)
SCORES_LEGEND = """\
Dice at the threshold chosen on validation masks (val.), by Otsu on the test maps (mean over the diseased cases, or each
its own) and, where they are known, on the true differences of the test set (truth Otsu, as in thesis ch. 6: uses the
test truth), by the false positive rate on healthy validation cases (healthy q.), and on the test masks (oracle: an
upper bound, not a result). Dice, AUROC and AP are means over the diseased test cases; (all): over all pixels of all
test cases together. Image AUROC: diseased against healthy cases by the map's highest pixels. "intensity" and "distance"
are trivial baselines, scored alike."""
INTERVAL_LEGEND = "Below each mean its 95 % interval (subjects drawn again; the threshold is held)."
COMPARED = (
    Column("dice_validation", "Dice val."),
    Column("dice_average_otsu_truth", "Dice truth Otsu"),
    Column("pixel_ap", "AP"),
    Column("twin_mae_lesion", "error in the lesion", 4),
    Column("difference_mse", "MSE(d, GT)", 4),
)
COMPARED_LEGEND = """\
Paired: the mean over the cases of the first row's score minus the other's on the same case, with its 95 % interval (the
trainings are not drawn again). An interval that holds 0: not decided by this test set."""
RECONSTRUCTION = (
    Column("twin_mae_lesion", "error in the lesion", 4),
    Column("twin_mae_brain", "error in the foreground", 4),
    Column("twin_ssim", "SSIM", 4),
    Column("change_healthy", "change of healthy", 4),
    Column("change_diseased", "change of diseased", 4),
)
RECONSTRUCTION_LEGEND = """\
Errors and SSIM against the true healthy twin, of the diseased test cases; change: mean absolute difference to the input
in the foreground. All as shares of the intensity range."""
DIFFERENCE = (
    Column("difference_mse", "MSE(d, GT)", 4, variance=True),
    Column("difference_ssim", "SSIM(d, GT)"),
    Column("change_healthy_mse", "MSE(r_h, a_h)", 4, variance=True),
)
DIFFERENCE_LEGEND = """\
d: healthy reconstruction minus image, GT: healthy twin minus image, of the diseased test cases; r_h, a_h: a healthy
test case and its reconstruction; of images in [-1, 1], over all pixels. SSIM of d and GT as they are; the published
script rescales each to [0, 1] by itself."""
VARIANCE_LEGEND = "(var): the variance over the cases, as thesis ch. 6 prints it."
DIAGNOSIS = (
    Column("image_accuracy_classifier", "accuracy"),
    Column("image_kappa_classifier", "kappa"),
    Column("image_auroc_classifier", "AUROC"),
    Column("image_auroc_map", "AUROC (map)"),
)
DIAGNOSIS_LEGEND = """\
Of whole images, diseased against healthy: accuracy and Cohen's kappa of the classifier's probability above 0.5, AUROC
of its probability, and of the map's highest pixels."""

SITES = (
    Column("healthy_flagged", "healthy brain flagged", 4),
    Column("dice_validation", "Dice val."),
    Column("pixel_ap", "AP"),
    Column("image_auroc_map", "image AUROC"),
    Column("change_healthy", "change of healthy", 4),
    Column("image_auroc_classifier", "AUROC of the classifier"),
)
SITES_LEGEND = """\
Healthy brain flagged: the share of the brain of healthy cases that lies above the threshold chosen on validation masks,
the same at every site."""

SHOWN = (*SCORES, *RECONSTRUCTION, *DIFFERENCE, *DIAGNOSIS, *SITES)


def anomaly_sections(report: Mapping[str, Any]) -> list[Section]:
    """The tables of a report, or of a comparison, of anomaly maps.

    Args:
        report: see :py:func:`monai_anomaly.evaluation.evaluate_cases`.
    """
    part = report["parts"][ALL]
    methods = part["methods"]
    own = next(iter(methods.values()))
    with_maps = {name: scores for name, scores in methods.items() if "image_auroc_map" in scores}
    legend = legend_of(report, SCORES_LEGEND, INTERVAL_LEGEND) if with_maps else ""
    compared, difference = difference_table(part["comparisons"], COMPARED), score_table(methods, DIFFERENCE)
    classified = any("image_auroc_classifier" in scores for scores in methods.values())
    sections = [
        Section("Anomaly maps", score_table(methods, SCORES), legend),
        Section("Thresholds of the first row", _thresholds(own)),
        Section("First row minus each other", compared, legend_of(report, "", COMPARED_LEGEND)),
        Section("Healthy reconstruction", score_table(methods, RECONSTRUCTION), RECONSTRUCTION_LEGEND),
        Section("Difference (thesis ch. 6)", difference, legend_of(report, DIFFERENCE_LEGEND, VARIANCE_LEGEND)),
        Section("Classification of images", score_table(methods, DIAGNOSIS) if classified else "", DIAGNOSIS_LEGEND),
    ]
    if len(report["parts"]) > 1:
        sections.append(Section("Sites", _sites(report["parts"]), SITES_LEGEND))
    return [section for section in sections if section.text]


def _sites(parts: Mapping[str, Any]) -> str:
    """A row per site and method; where there is one method, per site."""
    found = [(site, name, scores) for site, part in parts.items() for name, scores in part["methods"].items()]
    several = {name for site, name, _ in found if site != ALL}
    rows = {f"{site}, {name}" if len(several) > 1 else site: s for site, name, s in found if name in several}
    return score_table(rows, SITES, "site")


def _thresholds(scores: Mapping[str, Any]) -> str:
    rows = [
        [
            entry["threshold"]["origin"].replace("_", " ").replace("otsu", "Otsu"),
            entry["threshold"]["chosen_on"],
            f"{entry['threshold']['value']:.4g}",
            f"{score_cell(entry)} ± {score_cell({'value': entry['sd']})}",
            interval_cell(entry) or "-",
            str(entry["n"]),
            score_cell(entry["flagged_share_of_healthy"], 4),
        ]
        for name, entry in scores.items()
        if name.startswith("dice_") and "threshold" in entry
    ]
    title = ["origin", "chosen on", "threshold", "Dice ± sd", "95 % interval", "n", "healthy pixels flagged"]
    return markdown_table(title, rows) if rows else ""
