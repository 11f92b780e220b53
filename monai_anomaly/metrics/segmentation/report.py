# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from ...utils import DataError, interior
from ..bootstrap import cluster_bootstrap
from ..summary import Interval, add_columns, number, score, slice_mean
from .calibration import brier_score, reliability_bins
from .cases import SegmentationCases
from .ensemble_size import dice_by_samples
from .overlap import overlap_scores
from .threshold_baseline import ChannelThreshold, best_channel_threshold, lesion_slices
from .uncertainty import error_auroc, mean_entropy, risk_coverage

__all__ = ["ONE_SAMPLE", "THRESHOLD", "evaluate_segmentation"]

ONE_SAMPLE, THRESHOLD = "1 sample", "threshold"
"""Names of what stands beside the ensemble in a report."""
Columns = dict[str, np.ndarray]
"""Scores of one method and region, (N,) each."""


def evaluate_segmentation(
    validation: SegmentationCases | Iterable[Mapping[str, Any]] | None,
    test: SegmentationCases,
    region_names: Sequence[str],
    channel_names: Sequence[str],
    *,
    spacing: float | Sequence[float] = 1.0,
    background: float = 0.0,
    data_range: float = 1.0,
    method: str = "ensemble",
    resamples: int = 2000,
    bootstrap_seed: int = 0,
    bins: int = 20,
) -> dict[str, Any]:
    """Score the masks of a test set slice by slice, with one sample and a trivial baseline beside the ensemble.

    What is counted (thesis ch. 5, Table 1): scores are of 2D slices, not of volumes, and means over those where the
    region is not empty. An empty prediction counts as Dice and Jaccard 0 and has no HD95; ``dice_without_empty`` and
    ``jaccard_without_empty`` leave it out, and ``empty`` counts it. Where the region is empty, ``flagged_slices`` is
    the share of slices with any predicted pixel. The ensemble is the mean above 0.5; "1 sample" is each sample's
    score, averaged over those samples of a slice that have it: what one sample may be expected to score, and how many
    empty masks to expect. "threshold" is the channel and threshold with the best Dice on the validation masks.

    Every region is scored by itself, by its own channel. A label map that `MaskEncoding` makes of several channels may
    differ a little from them, where exclusive classes are all below 0.5 or an inner region leaves the outer one.

    Calibration and uncertainty are those of the mean, over the pixels of all slices inside the brain together: the
    background would make every model look calibrated. There the bins compare probability and frequency of the region.

    Args:
        validation: slices that choose the threshold; dictionaries with ``image`` and ``mask`` (K, H, W), e.g. a data
            set, do as well. None leaves the baseline out.
        test: slices to score.
        region_names: name of every mask channel.
        channel_names: name of every image channel.
        spacing: size of a pixel in mm, or along (H, W).
        background: image value outside of the brain.
        data_range: intensity range of the images.
        method: name of what made ``test``; the row of n kept samples is "``method`` of n".
        resamples: of subjects, for the intervals of means over slices, see :py:func:`cluster_bootstrap`; 0: none.
        bootstrap_seed: of those.
        bins: of the calibration errors.

    Returns:
        ``{"settings", "counts", "regions": {name: {"counts", "methods": {name: scores}, "comparisons": {name: paired
        differences}, "calibration", "uncertainty", "dice_by_samples"}}, "cases": [one row a test slice]}``; only
        dicts, lists, strings and numbers. A score is ``{"value", "n", ...}``, n being the slices it comes from; a mean
        over slices has ``"sd"`` and ``"ci95"``.

    Raises:
        DataError: when the names do not fit the set.
    """
    for kind, names, found in (("region", region_names, test["mask"]), ("channel", channel_names, test["image"])):
        if len(names) != found.shape[1]:
            raise DataError(f"Expected {found.shape[1]} {kind} names, found {list(names)}.")
    interval = partial(cluster_bootstrap, clusters=test["subject"], resamples=resamples, seed=bootstrap_seed)
    reference = None if validation is None else lesion_slices(validation)
    brain = interior(test["image"].astype(np.float32), 0, background, 0.01 * data_range)[:, 0]
    samples = test.num_samples
    rows: list[dict[str, Any]] = [
        {"subject": str(subject), "slice": str(index)}
        for subject, index in zip(test["subject"], test["slice"], strict=True)
    ]
    regions: dict[str, Any] = {}
    for k, name in enumerate(region_names):
        truth, mean = test["mask"][:, k], test["mean"][:, k]
        ours = f"{method} of {samples}" if samples > 1 else method
        columns = {ours: _columns(mean > 0.5, truth, spacing)}
        if samples > 1:
            columns[ONE_SAMPLE] = _one_sample(test["samples"][:, :, k], truth, spacing)
        baseline = None
        if reference is not None and reference[1][:, k].any():
            baseline = best_channel_threshold(reference[0], reference[1][:, k])
            columns[THRESHOLD] = _columns(baseline(test["image"]), truth, spacing)
        lesion = truth.any((1, 2))
        methods = {n: _summary(c, interval) for n, c in columns.items()}
        if baseline is not None:
            methods[THRESHOLD] |= _describe(baseline, channel_names)
        others = {n: slice_mean(columns[ours]["dice"] - c["dice"], interval) for n, c in columns.items() if n != ours}
        regions[name] = {
            "counts": {"with_lesion": int(lesion.sum()), "without_lesion": int((~lesion).sum())},
            "methods": methods,
            "comparisons": {n: {"dice": difference} for n, difference in others.items()},
            **_pixel_scores(mean[brain], truth[brain], len(test), bins),
        }
        if samples > 1:
            curve = dice_by_samples(test["samples"][:, :, k], truth)
            regions[name]["dice_by_samples"] = [
                {"samples": m + 1, **slice_mean(curve[:, m], interval)} for m in range(samples)
            ]
        add_columns(rows, {f"lesion_pixels_{name}": truth.sum((1, 2))})
        add_columns(rows, {f"{s}_{name}": columns[ours][s] for s in ("dice", "jaccard", "hd95", "empty", "pixels")})
        add_columns(rows, {f"dice_{name} ({n})": columns[n]["dice"] for n in others})
    return {
        "settings": {
            "method": method,
            "spacing_mm": spacing if isinstance(spacing, float | int) else [float(s) for s in spacing],
            "background": background,
            "data_range": data_range,
            "bins": bins,
            "resamples": resamples,
            "bootstrap_seed": bootstrap_seed,
        },
        "counts": {
            "slices": len(test),
            "subjects": len(set(test["subject"])),
            "pixels_per_slice": int(brain[0].size),
            "brain_pixels": int(brain.sum()),
            "samples": samples,
            "validation_slices_with_lesion": 0 if reference is None else len(reference[0]),
        },
        "regions": regions,
        "cases": rows,
    }


def _columns(predictions: np.ndarray, masks: np.ndarray, spacing: float | Sequence[float]) -> Columns:
    """Every score of every slice, NaN where it does not count; ``pixels``, of the prediction, always counts."""
    columns = overlap_scores(predictions, masks, spacing)
    kept = columns["empty"] == 0
    healthy = ~masks.any((1, 2))
    return {
        **columns,
        **{f"{k}_without_empty": np.where(kept, columns[k], np.nan) for k in ("dice", "jaccard")},
        "flagged_slices": np.where(healthy, predictions.any((1, 2)), np.nan),
        "flagged_pixels": np.where(healthy, predictions.mean((1, 2)), np.nan),
        "pixels": predictions.sum((1, 2)).astype(np.float64),
    }


def _one_sample(samples: np.ndarray, masks: np.ndarray, spacing: float | Sequence[float]) -> Columns:
    """The scores of every sample (N, n, H, W), averaged over those samples of a slice that have one."""
    each = [_columns(samples[:, i] > 0.5, masks, spacing) for i in range(samples.shape[1])]
    mean = {}
    for key in each[0]:
        values = np.stack([columns[key] for columns in each])
        known = np.isfinite(values).sum(0)
        mean[key] = np.where(known > 0, np.nansum(values, 0) / np.maximum(known, 1), np.nan)
    return mean


def _summary(columns: Columns, interval: Interval) -> dict[str, Any]:
    kept = ("dice", "jaccard", "hd95", "dice_without_empty", "jaccard_without_empty")
    counted = columns["empty"][np.isfinite(columns["empty"])]
    return {
        **{k: slice_mean(columns[k], interval) for k in kept},
        "empty": score(counted.sum(), len(counted)),
        **{k: slice_mean(columns[k], interval) for k in ("flagged_slices", "flagged_pixels")},
    }


def _describe(baseline: ChannelThreshold, channel_names: Sequence[str]) -> dict[str, Any]:
    return {
        "channel": str(channel_names[baseline.channel]),
        "threshold": {"value": number(np.float64(baseline.value)), "origin": "validation"},
        "validation_dice": baseline.dice,
    }


def _pixel_scores(mean: np.ndarray, truth: np.ndarray, slices: int, bins: int) -> dict[str, Any]:
    """Calibration and uncertainty of the mean at the pixels inside the brain."""

    def pooled(value: float) -> dict[str, Any]:
        return score(value, slices, pixels=len(mean))

    reliability = reliability_bins(mean, truth, bins)
    uncertainty, wrong = mean_entropy(mean), (mean > 0.5) != truth
    curve = risk_coverage(uncertainty, wrong)
    return {
        "calibration": {
            "ece": pooled(reliability.expected_error),
            "ace": pooled(reliability.average_error),
            "mce": pooled(reliability.maximum_error),
            "brier": pooled(brier_score(mean, truth)),
            "bins": reliability.rows(),
        },
        "uncertainty": {
            "error_auroc": pooled(error_auroc(uncertainty, wrong)),
            "aurc": pooled(curve.area),
            "error_rate": pooled(wrong.mean() if len(wrong) else np.nan),
            "risk_coverage": {"coverage": curve.coverage.tolist(), "risk": [number(r) for r in curve.risk]},
        },
    }
