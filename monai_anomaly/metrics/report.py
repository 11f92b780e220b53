# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
import torch

from monai_anomaly.utils import interior

from .baselines import Baseline
from .bootstrap import cluster_bootstrap
from .cases import AnomalyCases
from .otsu import otsu_threshold
from .pixel_scores import dice_per_slice, per_slice, ranking_scores, roc_auc
from .summary import Interval, add_columns, score, slice_mean
from .thresholds import Threshold, best_dice_threshold, healthy_quantile_threshold
from .translation import mean_absolute_error, structural_similarity

__all__ = ["evaluate"]

PAIRED = ("dice_validation", "pixel_ap")
"""Scores of a slice that the method and each baseline are compared in."""
TOP_SHARE = 0.01
"""The image score of a map is the mean of this share of its highest pixels."""


def evaluate(
    validation: AnomalyCases | None,
    test: AnomalyCases,
    *,
    baselines: Mapping[str, Baseline] | None = None,
    data_range: float = 1.0,
    background: float = 0.0,
    border: int = 0,
    min_lesion_pixels: int = 1,
    false_positive_rate: float = 0.01,
    method: str = "translation",
    resamples: int = 2000,
    bootstrap_seed: int = 0,
) -> dict[str, Any]:
    """Score the anomaly maps of a test set and, by the same function, those of trivial baselines.

    What is counted: Dice, AUROC and AP "per slice" are means over the *diseased* test slices (those with at least
    ``min_lesion_pixels`` lesion pixels) over all pixels, background included, as in thesis ch. 7; "pooled" scores rank
    all pixels of all test slices, healthy ones included. Where there are no masks, only the image-level scores and the
    changes of healthy slices are there. A threshold needing a set or a slice that is absent is left out.

    Args:
        validation: slices that choose the threshold; None leaves those thresholds out.
        test: slices to score.
        baselines: name -> function from images to maps, see :py:func:`trivial_baselines`.
        data_range: intensity range of the images.
        background: image value outside of the brain.
        border: rim of the brain, in pixels, that counts as not anomalous in every map, also of the baselines.
        min_lesion_pixels: a slice with fewer lesion pixels is not diseased (and, unless it has none, not healthy).
        false_positive_rate: of the ``"healthy_quantile"`` threshold, in pixels.
        method: name of the method that made the maps of ``test``.
        resamples: of subjects, for the intervals of means over slices, see :py:func:`cluster_bootstrap`; 0: none.
        bootstrap_seed: of those.

    Returns:
        ``{"settings", "counts", "methods": {name: scores}, "comparisons": {baseline: paired differences},
        "translation", "cases": [one row a test slice]}``; only dicts, lists, strings and numbers. Every score is
        ``{"value", "n", ...}``, n being what was averaged or ranked; a mean over slices has ``"sd"`` and ``"ci95"``.
    """
    sets = {"validation": validation, "test": test} if validation is not None and len(validation) else {"test": test}
    counts = {name: _counts(cases, min_lesion_pixels) for name, cases in sets.items()}
    rows: list[dict[str, Any]] = [
        {"subject": str(subject), "slice": str(index), "label": int(label)}
        for subject, index, label in zip(test["subject"], test["slice"], test["label"], strict=True)
    ]
    add_columns(rows, {"lesion_pixels": test.lesion_pixels, "diseased": test.diseased(min_lesion_pixels)})
    interval = partial(cluster_bootstrap, clusters=test["subject"], resamples=resamples, seed=bootstrap_seed)
    scored: dict[str, dict[str, Any]] = {}
    compared: dict[str, dict[str, Any]] = {}
    own: dict[str, np.ndarray] = {}
    inside = {k: interior(v["image"], border, background, 0.01 * data_range) for k, v in sets.items()} if border else {}
    for name, baseline in {method: None, **(baselines or {})}.items():
        maps = {k: v["map"] if baseline is None else baseline(v["image"]) for k, v in sets.items()}
        if border:  # the least value of the map, so that the rim ranks last
            maps = {k: np.where(inside[k], m, m.min()).astype(np.float32) for k, m in maps.items()}
        summary, columns = _score_maps(maps, sets, min_lesion_pixels, false_positive_rate, interval)
        scored[name] = summary
        if baseline is None:
            own = columns
        else:
            compared[name] = {k: slice_mean(own[k] - columns[k], interval) for k in PAIRED if k in own and k in columns}
            columns = {f"{k} ({name})": v for k, v in columns.items() if k == "dice_validation"}
        add_columns(rows, columns)
    if np.isfinite(test["score"]).any():
        known = np.isfinite(test["score"]) & (test.diseased(min_lesion_pixels) | test.healthy_slices())
        scored[method]["image_auroc_classifier"] = score(
            roc_auc(test["score"][known], test.diseased(min_lesion_pixels)[known]), known.sum()
        )
        add_columns(rows, {"classifier_score": test["score"]})
    report: dict[str, Any] = {
        "settings": {
            "data_range": data_range,
            "background": background,
            "border": border,
            "min_lesion_pixels": min_lesion_pixels,
            "false_positive_rate": false_positive_rate,
            "image_score": f"mean of the highest {TOP_SHARE:.0%} of the map's pixels",
            "resamples": resamples,
            "bootstrap_seed": bootstrap_seed,
        },
        "counts": counts,
        "methods": scored,
    }
    if any(compared.values()):
        report["comparisons"] = compared
    if test.has_healthy:
        report["translation"], columns = _score_translation(test, min_lesion_pixels, data_range, background, interval)
        add_columns(rows, columns)
    return {**report, "cases": rows}


def _score_maps(
    maps: Mapping[str, np.ndarray],
    sets: Mapping[str, AnomalyCases],
    min_lesion_pixels: int,
    false_positive_rate: float,
    interval: Interval,
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Summary of one method's maps and its columns of the table of cases."""
    test, test_maps = sets["test"], maps["test"]
    diseased, healthy = test.diseased(min_lesion_pixels), test.healthy_slices()
    own = np.array([otsu_threshold(torch.from_numpy(m)) for m in test_maps])
    image_score = _image_score(test_maps)
    known = diseased | healthy
    summary: dict[str, Any] = {
        "image_auroc_map": score(roc_auc(image_score[known], diseased[known]), known.sum()),
    }
    columns = {"image_score": image_score}
    if not (test.has_mask and diseased.any()):
        return summary, columns

    choices: list[tuple[Threshold, str]] = [
        (Threshold(float(own[diseased].mean()), "average_otsu"), "test"),
        (Threshold(float(own[diseased].mean()), "per_image_otsu"), "test"),
    ]
    if "validation" in sets:
        valid, valid_maps = sets["validation"], maps["validation"]
        sick, well = valid.diseased(min_lesion_pixels), valid.healthy_slices()
        if valid.has_mask and sick.any():
            value = best_dice_threshold(valid_maps[sick], valid["mask"][sick])[0]
            choices.append((Threshold(value, "validation"), "validation"))
        if well.any():
            value = healthy_quantile_threshold(valid_maps[well], false_positive_rate)
            choices.append((Threshold(value, "healthy_quantile"), "validation"))
    oracle = best_dice_threshold(test_maps[diseased], test["mask"][diseased])[0]
    choices.append((Threshold(oracle, "oracle"), "test"))

    summary["dice"] = {}
    for threshold, chosen_on in choices:
        # float64 on both sides: a threshold between two float32 values must not be rounded to one of them
        each = own if threshold.origin == "per_image_otsu" else np.full_like(own, threshold.value)
        predictions = test_maps > each[:, None, None, None]
        dice = np.where(diseased, dice_per_slice(predictions, test["mask"]), np.nan)
        flagged = predictions[healthy].mean() if healthy.any() else np.nan
        summary["dice"][threshold.origin] = {
            **slice_mean(dice, interval),
            "threshold": asdict(threshold) | {"chosen_on": chosen_on},
            "flagged_share_of_healthy_slices": score(flagged, healthy.sum()),
        }
        columns[f"dice_{threshold.origin}"] = dice
    columns["threshold_per_image_otsu"] = own
    auroc, ap = (np.where(diseased, x, np.nan) for x in per_slice(test_maps, test["mask"]))
    pooled = ranking_scores(test_maps, test["mask"])
    for name, values, overall in (("pixel_auroc", auroc, pooled[0]), ("pixel_ap", ap, pooled[1])):
        summary[name] = {
            "per_slice": slice_mean(values, interval),
            "pooled": score(overall, len(test_maps), pixels=test_maps.size),
        }
        columns[name] = values
    return summary, columns


def _score_translation(
    test: AnomalyCases, min_lesion_pixels: int, data_range: float, background: float, interval: Interval
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """How near the healthy reconstruction is to the twin, with the untouched input beside it, and what it changes."""
    diseased, healthy = test.diseased(min_lesion_pixels), test.healthy_slices()
    brain = interior(test["image"], 0, background, 0.01 * data_range)
    twin = diseased & test.has_twin
    columns: dict[str, np.ndarray] = {}
    for prefix, image in (("", test["healthy"]), ("input_", test["image"])):
        lesion_error, brain_error, similarity = np.full((3, len(test)), np.nan)
        if twin.any():
            lesion_error[twin] = mean_absolute_error(image[twin], test["twin"][twin], test["mask"][twin], data_range)
            brain_error[twin] = mean_absolute_error(image[twin], test["twin"][twin], brain[twin], data_range)
            similarity[twin] = structural_similarity(image[twin], test["twin"][twin], data_range)
        columns |= {
            f"{prefix}twin_mae_lesion": lesion_error,
            f"{prefix}twin_mae_brain": brain_error,
            f"{prefix}twin_ssim": similarity,
        }
    change = mean_absolute_error(test["healthy"], test["image"], brain, data_range)
    columns["change_brain"] = change
    summary = {k: slice_mean(v, interval) for k, v in columns.items() if k != "change_brain"} if twin.any() else {}
    summary["change_healthy_slices"] = slice_mean(np.where(healthy, change, np.nan), interval)
    summary["change_diseased_slices"] = slice_mean(np.where(diseased, change, np.nan), interval)
    return summary, columns


def _image_score(maps: np.ndarray) -> np.ndarray:
    count = max(1, round(TOP_SHARE * maps[0].size))
    return np.sort(maps.reshape(len(maps), -1), axis=1)[:, -count:].mean(1)


def _counts(cases: AnomalyCases, min_lesion_pixels: int) -> dict[str, int]:
    return {
        "slices": len(cases),
        "diseased": int(cases.diseased(min_lesion_pixels).sum()),
        "healthy": int(cases.healthy_slices().sum()),
        "subjects": len(set(cases["subject"])),
        "pixels_per_slice": int(cases["map"][0].size),
    }
