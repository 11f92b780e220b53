# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import numpy as np

from ..metrics import AnomalyCases
from ..utils import DataError
from .matched_slices import match_slices, renumbered, shared_slices
from .panel_figure import pick_slices
from .signed_difference import show_differences, signed_difference, symmetric_limit
from .slice_grid import DrawCell, SliceGrid, show_images

__all__ = ["difference_comparison_figure"]

CELL = 1.6
"""Width of a column in inches."""
INPUT, TRUTH = "input", "true\ndifference"


def difference_comparison_figure(
    path: str | os.PathLike,
    methods: Mapping[str, AnomalyCases],
    slices: Sequence[tuple[str, str | int]] | None = None,
    rows: int = 3,
    channel: int = -1,
    rotate: bool = True,
    title: str = "",
) -> None:
    """Picture of the healthy reconstruction of several methods on the same slices, and of the signed difference to the
    input; the true difference, where there are twins, stands beside the input (thesis ch. 6, Fig. 5 and 6).

    All images share one gray window, all differences one color scale around 0, that of the truth where it is known.

    Args:
        path: PNG to write.
        methods: name -> its slices, all with a reconstruction, e.g. read by :py:meth:`AnomalyCases.load`.
        slices: subject and slice of each row; None: ``rows`` diseased slices that all methods have, from the largest
            lesion to the smallest.
        rows: how many those are.
        channel: index of the image channel shown; input and truth are those of the first method.
        rotate: see :py:func:`panel_figure`.
        title: written above.

    Raises:
        DataError: when a method lacks a slice or the reconstructions, or the methods have no slice in common.
    """
    first = next(iter(methods.values()))
    if slices is None:
        few = first.subset(shared_slices(methods))
        wanted = [few.slice_keys[i] for i in pick_slices(few, rows, healthy_rows=0)]
    else:
        wanted = [(str(subject), str(index)) for subject, index in slices]
    numbers = match_slices(methods, wanted)
    if without := [name for name, cases in methods.items() if not cases.has_healthy]:
        raise DataError(f"{without[0]}: expected slices with a healthy reconstruction, found slices without one.")
    picked = next(iter(numbers.values()))
    differences = {name: signed_difference(cases, "healthy", channel) for name, cases in methods.items()}
    truth = signed_difference(first, "twin", channel)
    known = bool(first.has_twin[picked].any())
    # the errors of a bad method would make the truth pale
    shown = (d[numbers[name]] for name, d in differences.items())
    limit = symmetric_limit([truth[picked]], 100) if known else symmetric_limit(shown)
    low, high = np.percentile(first["image"][picked, channel].astype(np.float32), (0.5, 99.8))
    columns: dict[str, DrawCell] = {INPUT: show_images(first["image"][:, channel], low, high, rotate)}
    if known:
        columns[TRUTH] = show_differences(truth, limit, rotate)
    for name, cases in methods.items():
        healthy = show_images(cases["healthy"][:, channel], low, high, rotate)
        columns[f"{name}\nhealthy"] = renumbered(healthy, picked, numbers[name])
        drawn = show_differences(differences[name], limit, rotate)
        columns[f"{name}\ndifference"] = renumbered(drawn, picked, numbers[name])
    labels = [f"{subject} {index}".strip() or f"case {i}" for i, (subject, index) in zip(picked, wanted, strict=True)]
    grid = SliceGrid(columns, picked, labels, first["image"].shape[2:], width=CELL * len(columns) + 1)
    for column in (name for name in columns if name == TRUTH or name.endswith("\ndifference")):
        grid.color_bar(column)
    grid.save(path, title)
