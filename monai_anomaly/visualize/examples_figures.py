# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""A few cases of a test set, one per row, with what a method made of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..metrics import ExpectedDiceThreshold, above, dice_per_slice, mean_entropy
from ..utils import DataError
from .fields import Fields, case_names, known
from .grid import GridColumn, Outline, draw_grid
from .limits import difference_limits, gray_limits, map_limits
from .style import DIFFERENCE_COLORS, MAP_COLORS, PREDICTED, TRUTH

__all__ = ["anomaly_examples_figure", "row_labels", "segmentation_examples_figure", "uncertainty_column"]


def anomaly_examples_figure(
    path: str | os.PathLike,
    cases: Fields,
    channel_names: Sequence[str],
    show: Sequence[str] = ("flair", "t1ce"),
    threshold: float | None = None,
    healthy: np.ndarray | None = None,
    signed: bool = False,
    window: tuple[float, float] | None = None,
    rotate: bool = True,
    title: str = "",
) -> None:
    """Picture of a few cases: inputs, healthy reconstruction, twin, anomaly map, predicted and true outline, truth.

    A channel's input, reconstruction and twin share one gray window, all maps (or differences) share one color scale.

    Args:
        path: PNG to write, 1600 pixels wide.
        cases: those drawn, from the top: ``image`` (N, C, H, W), ``map`` (N, 1, H, W), ``subject`` and
            ``slice`` (N,), perhaps ``reconstruction`` and ``twin`` (N, C, H, W), ``mask`` (N, 1, H, W) bool.
        channel_names: name of every channel.
        show: input channels to show, the first of them also of the reconstruction and of the twin; unknown names are
            left out, and the last channel is shown when none is known.
        threshold: of the predicted outline; None leaves it out.
        healthy: which cases are called healthy, (N,) bool.
        signed: show the reconstruction minus the input, and the twin minus the input, in place of the map; the outline
            stays that of the map. Without effect where there is no reconstruction.
        window: intensities shown as black and white, so that all images look as the network sees them; None: of each
            channel the percentiles 0.5 and 99.8 of the cases shown.
        rotate: the second axis grows upward (axial slices (x, y) of RAS volumes); False: downward (X-rays).
        title: written above.

    Raises:
        DataError: when the cases have no maps.
    """
    image, found = cases["image"], known(cases, "map")
    if found is None:
        raise DataError("A picture of anomaly maps needs maps; found cases of a method that only classifies.")
    names = [name for name in show if name in channel_names] or [channel_names[-1]]
    shown = [list(channel_names).index(name) for name in names]
    maps, truth = found[:, 0], known(cases, "mask")
    mask = np.zeros(maps.shape, bool) if truth is None else truth[:, 0] > 0

    def gray(name: str, images: np.ndarray, channel: int) -> GridColumn:
        limits = window or gray_limits(image[:, channel])
        return GridColumn(f"{name}\n{channel_names[channel]}", images[:, channel], limits)

    columns = [gray("input", image, channel) for channel in shown]
    others = {"healthy reconstruction": known(cases, "reconstruction"), "true healthy twin": known(cases, "twin")}
    columns += [gray(name, images, shown[0]) for name, images in others.items() if images is not None]
    if signed and others["healthy reconstruction"] is not None:
        titles = ("difference\nhealthy - input", "true difference\ntwin - input")
        first = np.float32(image[:, shown[0]])
        differences = {t: o[:, shown[0]] - first for t, o in zip(titles, others.values(), strict=True) if o is not None}
        scale = difference_limits(*differences.values())
        columns += [GridColumn(t, d, scale, DIFFERENCE_COLORS, bar=True) for t, d in differences.items()]
    else:
        columns.append(GridColumn("anomaly map", maps, map_limits(maps), MAP_COLORS, bar=True))
    outlines = [Outline("true", mask, TRUTH, 3.0)] if mask.any() else []
    dice = np.full(len(maps), np.nan)
    if threshold is not None:
        predicted = maps > np.float64(threshold)
        outlines.append(Outline(f"map > {threshold:.3g}", predicted, PREDICTED))
        dice = np.where(mask.any((1, 2)), dice_per_slice(predicted, mask), np.nan)
    columns.append(replace(columns[0], title="outlines", outlines=outlines))
    if mask.any():
        columns.append(GridColumn("true lesion", mask, smooth=False))
    sound = np.zeros(len(maps), bool) if healthy is None else healthy
    notes = [f"Dice {d:.2f}" if np.isfinite(d) else "healthy" * bool(s) for d, s in zip(dice, sound, strict=True)]
    draw_grid(path, columns, row_labels(cases, notes), rotate, title)


def segmentation_examples_figure(
    path: str | os.PathLike,
    cases: Fields,
    region: int = 0,
    channel: int = -1,
    channel_name: str = "",
    window: tuple[float, float] | None = None,
    rotate: bool = True,
    title: str = "",
    threshold: float | ExpectedDiceThreshold = 0.5,
) -> None:
    """Picture of a few cases: input, true region, two samples, mean, variance and outlines (thesis ch. 5, Fig. 3).

    Args:
        path: PNG to write, 1600 pixels wide.
        cases: those drawn, from the top: ``image`` (N, C, H, W), ``mean`` and ``mask`` (N, K, H, W), ``subject``
            and ``slice`` (N,), perhaps ``samples`` (N, n, K, H, W), and for `uncertainty_column` ``variance``.
        region: index of the region shown.
        channel: index of the input channel shown.
        channel_name: its name.
        window: intensities shown as black and white; None: the percentiles 0.5 and 99.8 of the cases shown.
        rotate: the second axis grows upward (axial slices (x, y) of RAS volumes); False: downward (X-rays).
        title: written above.
        threshold: of the mean; see :py:func:`monai_anomaly.metrics.above`.
    """
    image, truth, mean = cases["image"][:, channel], cases["mask"][:, region] > 0, cases["mean"][:, region]
    predicted = above(mean, threshold)
    name = "mask" if callable(threshold) else f"mean > {threshold:.3g}"
    samples = known(cases, "samples")
    members = [] if samples is None else samples[:, :2, region].swapaxes(0, 1)
    gray = GridColumn(f"input\n{channel_name}", image, window or gray_limits(image))
    outlines = [Outline("true", truth, TRUTH, 3.0), Outline(name, predicted, PREDICTED)]
    columns = [
        gray,
        GridColumn("truth", truth, smooth=False),
        *(GridColumn(f"sample {i + 1}", members[i], smooth=False) for i in range(len(members))),
        GridColumn("mean", mean, smooth=False, bar=True),
        uncertainty_column(cases, region),
        replace(gray, title="outlines", outlines=outlines),
    ]
    notes = [f"Dice {d:.2f}" if np.isfinite(d) else "truth empty" for d in dice_per_slice(predicted, truth)]
    draw_grid(path, columns, row_labels(cases, notes), rotate, title)


def uncertainty_column(cases: Fields, region: int) -> GridColumn:
    """What cases have as uncertainty of a region: the variance, or else the entropy of the mean, which one prediction
    has too."""
    variance = known(cases, "variance")
    if variance is not None and variance.any():
        name, values = "variance", variance[:, region]
    else:
        name, values = "entropy (bit)", mean_entropy(cases["mean"][:, region])
    return GridColumn(name, values, map_limits(values), MAP_COLORS, smooth=False, bar=True)


def row_labels(cases: Fields, notes: Sequence[str] = ()) -> list[str]:
    """Subject and slice, or the place in the set, and a note below."""
    names = [" ".join(name).strip() or f"case {i}" for i, name in enumerate(case_names(cases))]
    return [f"{name}\n{note}".strip() for name, note in zip(names, notes or [""] * len(names), strict=True)]
