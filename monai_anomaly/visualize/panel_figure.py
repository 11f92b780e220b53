# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..metrics import AnomalyCases, dice_per_slice
from ..utils import DataError
from .signed_difference import show_differences, signed_difference, symmetric_limit
from .slice_grid import DrawCell, SliceGrid, pick_by_size, show_images
from .style import PREDICTED, TRUTH, draw_outlines

__all__ = ["panel_figure", "pick_slices"]

MAPS = ("anomaly map", "difference\nhealthy - input", "true difference\ntwin - input")
"""Columns that need a color bar."""


def pick_slices(cases: AnomalyCases, rows: int = 6, healthy_rows: int = 1) -> list[int]:
    """Slices that show the range: diseased ones evenly over the lesion sizes, then healthy ones evenly over the set.

    Args:
        cases: what to choose from.
        rows: number of slices wanted.
        healthy_rows: how many of them are healthy, as far as there are any.

    Returns:
        Indices, largest lesion first; fewer than ``rows`` when there are not so many slices.
    """
    return pick_by_size(cases.lesion_pixels, cases.diseased(), cases.healthy_slices(), rows, healthy_rows)


def panel_figure(
    path: str | os.PathLike,
    cases: AnomalyCases,
    channel_names: Sequence[str],
    show: Sequence[str] = ("flair", "t1ce"),
    threshold: float | None = None,
    rows: int = 6,
    healthy_rows: int = 1,
    rotate: bool = True,
    title: str = "",
    signed: bool = False,
    window: tuple[float, float] | None = None,
) -> None:
    """Picture of a few slices: inputs, healthy reconstruction, twin, anomaly map, predicted and true outline, truth.

    A channel's input, reconstruction and twin share one gray window, all maps (or differences) share one color scale.

    Args:
        path: PNG to write, 1600 pixels wide.
        cases: slices to choose from.
        channel_names: name of every channel.
        show: input channels to show, the first of them also of the reconstruction and of the twin; unknown names are
            left out, and the last channel is shown when none is known.
        threshold: of the predicted outline; None leaves it out.
        rows: number of slices.
        healthy_rows: how many of them are healthy.
        rotate: the second axis grows upwards (axial slices (x, y) of RAS volumes); False: downwards (X-rays).
        title: written above.
        signed: show the reconstruction less the input, and the twin less the input, in place of the map; the outline
            stays that of the map. Without effect where there is no reconstruction.
        window: intensities shown as black and white, so that all images look as the network sees them; None: of each
            channel the percentiles 0.5 and 99.8 of the slices shown.

    Raises:
        DataError: when the slices have no maps.
    """
    if not cases.has_map:
        raise DataError("A picture of anomaly maps needs maps; found slices of a method that only classifies.")
    picked = pick_slices(cases, rows, healthy_rows)
    columns = _columns(cases, picked, channel_names, show, threshold, rotate, signed and cases.has_healthy, window)
    labels = [_label(cases, index, threshold) for index in picked]
    grid = SliceGrid(columns, picked, labels, cases["map"].shape[2:])
    for name in (name for name in MAPS if name in columns):
        grid.color_bar(name)
    predicted = [] if threshold is None else [(f"map > {threshold:.3g}", PREDICTED)]
    grid.legend("outlines", [("true", TRUTH), *predicted])
    grid.save(path, title)


def _columns(
    cases: AnomalyCases,
    picked: Sequence[int],
    channel_names: Sequence[str],
    show: Sequence[str],
    threshold: float | None,
    rotate: bool,
    signed: bool,
    window: tuple[float, float] | None,
) -> dict[str, DrawCell]:
    """Title -> how to draw the column."""
    names = [n for n in show if n in channel_names] or [channel_names[-1]]

    def gray(field: str, name: str) -> DrawCell:
        channel = list(channel_names).index(name)
        low, high = window or np.percentile(cases["image"][picked, channel].astype(np.float32), (0.5, 99.8))
        return show_images(cases[field][:, channel], low, high, rotate)

    first = gray("image", names[0])

    def outlines(axis: Any, index: int) -> None:
        first(axis, index)
        regions = [(cases["mask"][index, 0], TRUTH, 3.0)]
        if threshold is not None:
            regions.append((cases["map"][index, 0] > np.float64(threshold), PREDICTED, 1.3))
        draw_outlines(axis, regions, rotate)

    columns = {f"input\n{name}": gray("image", name) for name in names}
    if cases.has_healthy:
        columns[f"healthy reconstruction\n{names[0]}"] = gray("healthy", names[0])
    if cases.has_twin[picked].any():
        columns[f"true healthy twin\n{names[0]}"] = gray("twin", names[0])
    if signed:
        columns |= _differences(cases, picked, list(channel_names).index(names[0]), rotate)
    else:
        top = float(np.percentile(cases["map"][picked], 99.8)) or 1.0
        columns[MAPS[0]] = show_images(cases["map"][:, 0], 0, top, rotate, "inferno")
    columns["outlines"] = outlines
    truth = show_images(cases["mask"][:, 0], 0, 1, rotate, interpolation="nearest")
    return columns | ({"true lesion": truth} if cases.has_mask else {})


def _differences(cases: AnomalyCases, picked: Sequence[int], channel: int, rotate: bool) -> dict[str, DrawCell]:
    """The signed difference and, where there are twins, the true one, in one scale."""
    found = {MAPS[1]: signed_difference(cases, "healthy", channel)}
    if cases.has_twin[picked].any():
        found[MAPS[2]] = signed_difference(cases, "twin", channel)
    limit = symmetric_limit(d[picked] for d in found.values())
    return {name: show_differences(d, limit, rotate) for name, d in found.items()}


def _label(cases: AnomalyCases, index: int, threshold: float | None) -> str:
    lines = [f"{cases['subject'][index]} {cases['slice'][index]}".strip() or f"case {index}"]
    if cases.lesion_pixels[index] and threshold is not None:
        predicted = cases["map"][index : index + 1] > np.float64(threshold)
        lines.append(f"Dice {dice_per_slice(predicted, cases['mask'][index : index + 1])[0]:.2f}")
    elif cases.healthy_slices()[index]:
        lines.append("healthy")
    return "\n".join(lines)
