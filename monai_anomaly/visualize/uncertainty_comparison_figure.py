# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from ..metrics import SegmentationCases
from .examples_figure import gray_images, pick_examples, slice_name, uncertainty_images
from .matched_slices import match_slices, renumbered, shared_slices
from .slice_grid import DrawCell, SliceGrid, show_images

__all__ = ["uncertainty_comparison_figure"]

CELL = 2.4
"""Width of a column in inches."""


def uncertainty_comparison_figure(
    path: str | os.PathLike,
    methods: Mapping[str, SegmentationCases],
    slices: Sequence[tuple[str, str | int]] | None = None,
    rows: int = 3,
    region: int = 0,
    channel: int = -1,
    rotate: bool = True,
    title: str = "",
) -> None:
    """Picture of the uncertainty of several methods on the same slices (thesis ch. 5, Fig. 5).

    Each method shows its variance, or the entropy of its mean where it has one prediction only, with a color scale of
    its own: the variance of masks and that of a Gaussian on logits have different ranges.

    Args:
        path: PNG to write.
        methods: name -> its slices, e.g. read by :py:meth:`SegmentationCases.load`.
        slices: subject and slice of each row; None: ``rows`` slices that all methods have, from the largest region to
            the smallest.
        rows: how many those are.
        region: index of the region.
        channel: index of the input channel shown; the input and the truth are those of the first method.
        rotate: see :py:func:`panel_figure`.
        title: written above.

    Raises:
        DataError: when a method lacks a slice, or the methods have none in common.
    """
    first = next(iter(methods.values()))
    if slices is None:
        few = first.subset(shared_slices(methods))
        wanted = [few.slice_keys[i] for i in pick_examples(few, region, rows, healthy_rows=0)]
    else:
        wanted = [(str(subject), str(index)) for subject, index in slices]
    numbers = match_slices(methods, wanted)
    picked = next(iter(numbers.values()))
    columns: dict[str, DrawCell] = {
        "input": gray_images(first, picked, channel, rotate),
        "truth": show_images(first["mask"][:, region], 0, 1, rotate, interpolation="nearest"),
    }
    maps = []
    for name, cases in methods.items():
        kind, draw = uncertainty_images(cases, numbers[name], region, rotate)
        maps.append(f"{name}\n{kind}")
        columns[maps[-1]] = renumbered(draw, picked, numbers[name])
    labels = [slice_name(first, i) for i in picked]
    grid = SliceGrid(columns, picked, labels, first["mask"].shape[2:], width=CELL * len(columns) + 1)
    for column in maps:
        grid.color_bar(column)
    grid.save(path, title)
