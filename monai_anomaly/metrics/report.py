# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from ..utils import interior
from .baselines import Baseline
from .bootstrap import cluster_bootstrap
from .cases import AnomalyCases
from .classification import score_classification
from .map_scores import TOP_SHARE, score_maps
from .summary import add_columns, slice_mean
from .translation_scores import score_translation, true_differences

__all__ = ["evaluate"]

PAIRED = ("dice_validation", "pixel_ap")
"""Scores of a slice that the method and each baseline are compared in."""


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
    changes of healthy slices are there; where the method has no maps, of its own only those of its classifier. A
    threshold needing a set or a slice that is absent is left out.

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
    twin = test.diseased(min_lesion_pixels) & test.has_twin
    # a map of a method without a reconstruction is no difference of images
    truth = true_differences(test.subset(np.flatnonzero(twin)), data_range) if test.has_healthy and twin.any() else None
    for name, baseline in {method: None, **(baselines or {})}.items():
        if baseline is None:
            maps = {k: v["map"] for k, v in sets.items() if v.has_map}
        else:
            maps = {k: baseline(v["image"]) for k, v in sets.items()}
        if "test" not in maps:
            scored[name] = {}
            continue
        if border:  # the least value of the map, so that the rim ranks last
            maps = {k: np.where(inside[k], m, m.min()).astype(np.float32) for k, m in maps.items()}
        known = truth if baseline is None else None
        summary, columns = score_maps(maps, sets, min_lesion_pixels, false_positive_rate, interval, known)
        scored[name] = summary
        if baseline is None:
            own = columns
        else:
            compared[name] = {k: slice_mean(own[k] - columns[k], interval) for k in PAIRED if k in own and k in columns}
            columns = {f"{k} ({name})": v for k, v in columns.items() if k == "dice_validation"}
        add_columns(rows, columns)
    summary, columns = score_classification(test, min_lesion_pixels, interval)
    scored[method] |= summary
    add_columns(rows, columns)
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
        report["translation"], columns = score_translation(test, min_lesion_pixels, data_range, background, interval)
        add_columns(rows, columns)
    return {**report, "cases": rows}


def _counts(cases: AnomalyCases, min_lesion_pixels: int) -> dict[str, int]:
    return {
        "slices": len(cases),
        "diseased": int(cases.diseased(min_lesion_pixels).sum()),
        "healthy": int(cases.healthy_slices().sum()),
        "subjects": len(set(cases["subject"])),
        "pixels_per_slice": int(cases["mask"][0].size),
    }
