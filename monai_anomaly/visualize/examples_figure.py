# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..metrics import SegmentationCases, dice_per_slice, mean_entropy
from .slice_grid import DrawCell, SliceGrid, pick_by_size, show_images
from .style import PREDICTED, TRUTH, draw_outlines

__all__ = ["examples_figure", "gray_images", "pick_examples", "slice_name", "uncertainty_images"]


def pick_examples(cases: SegmentationCases, region: int = 0, rows: int = 6, healthy_rows: int = 1) -> list[int]:
    """Slices that show the range of sizes of a region, and slices without it; see :py:func:`pick_slices`."""
    sizes = cases.lesion_pixels[:, region]
    return pick_by_size(sizes, sizes > 0, sizes == 0, rows, healthy_rows)


def examples_figure(
    path: str | os.PathLike,
    cases: SegmentationCases,
    picked: Sequence[int],
    region: int = 0,
    channel: int = -1,
    channel_name: str = "",
    rotate: bool = True,
    title: str = "",
    window: tuple[float, float] | None = None,
) -> None:
    """Picture of a few slices: input, true region, two samples, mean, variance and outlines (thesis ch. 5, Fig. 3).

    Args:
        path: PNG to write, 1600 pixels wide.
        cases: the slices. Without samples these columns are left out; without any variance there is the entropy.
        picked: numbers of the slices, from the top; see :py:func:`pick_examples`.
        region: index of the region shown.
        channel: index of the input channel shown.
        channel_name: its name.
        rotate: the second axis grows upwards (axial slices (x, y) of RAS volumes); False: downwards (X-rays).
        title: written above.
        window: intensities shown as black and white; None: see :py:func:`gray_images`.
    """
    image = gray_images(cases, picked, channel, rotate, window)
    truth, mean = cases["mask"][:, region], cases["mean"][:, region]
    uncertainty, spread = uncertainty_images(cases, picked, region, rotate)

    def outlines(axis: Any, index: int) -> None:
        image(axis, index)
        draw_outlines(axis, [(truth[index], TRUTH, 3.0), (mean[index] > 0.5, PREDICTED, 1.3)], rotate)

    samples = min(2, cases.num_samples)
    columns: dict[str, DrawCell] = {
        f"input\n{channel_name}": image,
        "truth": show_images(truth, 0, 1, rotate, interpolation="nearest"),
        **{
            f"sample {i + 1}": show_images(cases["samples"][:, i, region], 0, 1, rotate, interpolation="nearest")
            for i in range(samples)
        },
        "mean": show_images(mean, 0, 1, rotate, interpolation="nearest"),
        uncertainty: spread,
        "outlines": outlines,
    }
    dice = dice_per_slice(mean > 0.5, truth)
    labels = [
        f"{slice_name(cases, i)}\n" + (f"Dice {dice[i]:.2f}" if np.isfinite(dice[i]) else "truth empty") for i in picked
    ]
    grid = SliceGrid(columns, picked, labels, truth.shape[1:])
    for name in ("mean", uncertainty):
        grid.color_bar(name)
    grid.legend("outlines", [("true", TRUTH), ("mean > 0.5", PREDICTED)])
    grid.save(path, title)


def slice_name(cases: SegmentationCases, index: int) -> str:
    """Subject and slice, or the place in the set."""
    return f"{cases['subject'][index]} {cases['slice'][index]}".strip() or f"case {index}"


def gray_images(
    cases: SegmentationCases,
    picked: Sequence[int],
    channel: int,
    rotate: bool,
    window: tuple[float, float] | None = None,
) -> DrawCell:
    """How to draw an input channel, all slices in one gray window.

    The default is from the 0.5th to the 99.8th percentile of the picked slices.
    """
    images = cases["image"][:, channel]
    low, high = window or np.percentile(images[list(picked)].astype(np.float32), (0.5, 99.8))
    return show_images(images, low, high, rotate)


def uncertainty_images(
    cases: SegmentationCases, picked: Sequence[int], region: int, rotate: bool
) -> tuple[str, DrawCell]:
    """What a set has as uncertainty, the variance or else the entropy of the mean, and how to draw it."""
    varies = bool(cases["variance"].any())
    values = cases["variance"][:, region] if varies else mean_entropy(cases["mean"][:, region]).astype(np.float32)
    top = float(np.percentile(values[list(picked)], 99.8)) or float(values[list(picked)].max()) or 1.0
    return "variance" if varies else "entropy (bit)", show_images(values, 0, top, rotate, "inferno", "nearest")
