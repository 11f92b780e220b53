# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import numpy as np

from monai_anomaly.metrics import SegmentationCases
from monai_anomaly.utils import DataError

from .examples_figure import gray_images, pick_examples, slice_name, uncertainty_images
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
    index = {name: {key: i for i, key in enumerate(cases.slice_keys)} for name, cases in methods.items()}
    first = next(iter(methods.values()))
    wanted = _common(first, index, region, rows) if slices is None else [(str(a), str(b)) for a, b in slices]
    for name, known in index.items():
        if missing := [key for key in wanted if key not in known]:
            raise DataError(f"{name}: expected the slices {wanted}, found no {missing}.")
    picked = [first.slice_keys.index(key) for key in wanted]
    columns: dict[str, DrawCell] = {
        "input": gray_images(first, picked, channel, rotate),
        "truth": show_images(first["mask"][:, region], 0, 1, rotate, interpolation="nearest"),
    }
    maps = []
    for name, cases in methods.items():
        own = [index[name][key] for key in wanted]
        kind, draw = uncertainty_images(cases, own, region, rotate)
        maps.append(f"{name}\n{kind}")
        columns[maps[-1]] = _renumbered(draw, dict(zip(picked, own, strict=True)))
    labels = [slice_name(first, i) for i in picked]
    grid = SliceGrid(columns, picked, labels, first["mask"].shape[2:], width=CELL * len(columns) + 1)
    for column in maps:
        grid.color_bar(column)
    grid.save(path, title)


def _renumbered(draw: DrawCell, numbers: Mapping[int, int]) -> DrawCell:
    """The grid counts the slices as the first method does."""
    return lambda axis, index: draw(axis, numbers[index])


def _common(
    first: SegmentationCases, index: Mapping[str, Mapping[tuple[str, str], int]], region: int, rows: int
) -> list[tuple[str, str]]:
    """Slices that all methods have, by the size of the region in the first."""
    shared = np.array([all(key in known for known in index.values()) for key in first.slice_keys])
    if not shared.any():
        raise DataError(f"Expected slices that {list(index)} have in common, found none.")
    keys = [key for key, kept in zip(first.slice_keys, shared, strict=True) if kept]
    few = first.subset(np.flatnonzero(shared))
    return [keys[i] for i in pick_examples(few, region, rows, healthy_rows=0)]
