# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from monai_anomaly.metrics import AnomalyCases, dice_per_slice
from monai_anomaly.utils import atomic_path

__all__ = ["panel_figure", "pick_slices"]

BACKGROUND, TEXT, TRUTH, PREDICTED = "#16181d", "#e6e6e6", "#4fd1ff", "#ff5c8a"
WIDTH, DPI = 16.0, 100
LEFT, RIGHT, TOP, BOTTOM = 0.75, 0.1, 0.95, 0.75
"""Figure size and margins in inches."""

Draw = Callable[[Any, int], Any]
"""Draw slice number ``i`` of the cases on an axis."""


def pick_slices(cases: AnomalyCases, rows: int = 6, healthy_rows: int = 1) -> list[int]:
    """Slices that show the range: diseased ones evenly over the lesion sizes, then healthy ones evenly over the set.

    Args:
        cases: what to choose from.
        rows: number of slices wanted.
        healthy_rows: how many of them are healthy, as far as there are any.

    Returns:
        Indices, largest lesion first; fewer than ``rows`` when there are not so many slices.
    """
    diseased, healthy = np.flatnonzero(cases.diseased()), np.flatnonzero(cases.healthy_slices())
    diseased = diseased[np.argsort(-cases.lesion_pixels[diseased], kind="stable")]
    count = min(len(healthy), max(healthy_rows, rows - len(diseased)))
    return [*_spread(diseased, rows - count), *_spread(healthy, count)]


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
) -> None:
    """Picture of a few slices: inputs, healthy reconstruction, twin, anomaly map, predicted and true outline, truth.

    A channel's input, reconstruction and twin share one gray window, all maps share one color scale.

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
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    picked = pick_slices(cases, rows, healthy_rows)
    columns = _columns(cases, picked, channel_names, show, threshold, rotate)
    tall, wide = cases["map"].shape[:1:-1]
    height = TOP + BOTTOM + len(picked) * (WIDTH - LEFT - RIGHT) / len(columns) * tall / wide
    figure = Figure(figsize=(WIDTH, height), dpi=DPI, facecolor=BACKGROUND)
    FigureCanvasAgg(figure)
    margins = {"left": LEFT / WIDTH, "right": 1 - RIGHT / WIDTH, "bottom": BOTTOM / height, "top": 1 - TOP / height}
    axes = figure.add_gridspec(len(picked), len(columns), **margins, wspace=0.03, hspace=0.03).subplots(squeeze=False)
    for axis in axes.flat:
        axis.set(xticks=[], yticks=[], facecolor="black")
        axis.spines[:].set_visible(False)
    drawn = {}
    for column, (name, draw) in enumerate(columns.items()):
        axes[0, column].set_title(name, color=TEXT, fontsize=12, pad=6)
        for row, index in enumerate(picked):
            drawn[name] = draw(axes[row, column], index)
    for row, index in enumerate(picked):
        axes[row, 0].set_ylabel(_label(cases, index, threshold), color=TEXT, fontsize=10)
    _color_bar(figure, axes[-1, list(columns).index("anomaly map")], drawn["anomaly map"], height)
    _legend(figure, axes[-1, list(columns).index("outlines")], height, threshold)
    figure.suptitle(title, color=TEXT, fontsize=13, y=1 - 0.18 / height, va="top")
    with atomic_path(path) as temporary:
        figure.savefig(temporary, facecolor=BACKGROUND)


def _columns(
    cases: AnomalyCases,
    picked: Sequence[int],
    channel_names: Sequence[str],
    show: Sequence[str],
    threshold: float | None,
    rotate: bool,
) -> dict[str, Draw]:
    """Title -> how to draw the column."""
    names = [n for n in show if n in channel_names] or [channel_names[-1]]
    top = float(np.percentile(cases["map"][picked], 99.8)) or 1.0

    def turn(x: np.ndarray) -> np.ndarray:
        return np.rot90(x) if rotate else x.T

    def gray(field: str, name: str) -> Draw:
        channel = list(channel_names).index(name)
        low, high = np.percentile(cases["image"][picked, channel].astype(np.float32), (0.5, 99.8))

        def draw(axis: Any, index: int) -> Any:
            image = turn(cases[field][index, channel].astype(np.float32))
            return axis.imshow(image, cmap="gray", vmin=low, vmax=high, interpolation="bicubic")

        return draw

    def anomaly_map(axis: Any, index: int) -> Any:
        return axis.imshow(turn(cases["map"][index, 0]), cmap="inferno", vmin=0, vmax=top, interpolation="bicubic")

    def outlines(axis: Any, index: int) -> None:
        gray("image", names[0])(axis, index)
        regions = [(cases["mask"][index, 0], TRUTH, 3.0)]
        if threshold is not None:
            regions.append((cases["map"][index, 0] > np.float64(threshold), PREDICTED, 1.3))
        for region, color, width in regions:
            if region.any() and not region.all():
                axis.contour(turn(region).astype(float), levels=[0.5], colors=[color], linewidths=width)

    def truth(axis: Any, index: int) -> None:
        axis.imshow(turn(cases["mask"][index, 0]), cmap="gray", vmin=0, vmax=1, interpolation="nearest")

    columns = {f"input\n{name}": gray("image", name) for name in names}
    if cases.has_healthy:
        columns[f"healthy reconstruction\n{names[0]}"] = gray("healthy", names[0])
    if cases.has_twin[picked].any():
        columns[f"true healthy twin\n{names[0]}"] = gray("twin", names[0])
    columns |= {"anomaly map": anomaly_map, "outlines": outlines}
    return columns | ({"true lesion": truth} if cases.has_mask else {})


def _spread(indices: np.ndarray, count: int) -> list[int]:
    """``count`` of the indices, evenly spaced, the first and the last included."""
    places = np.linspace(0, len(indices) - 1, min(max(count, 0), len(indices)))
    return [int(indices[i]) for i in places.round().astype(int)]


def _label(cases: AnomalyCases, index: int, threshold: float | None) -> str:
    lines = [f"{cases['subject'][index]} {cases['slice'][index]}".strip() or f"case {index}"]
    if cases.lesion_pixels[index] and threshold is not None:
        predicted = cases["map"][index : index + 1] > np.float64(threshold)
        lines.append(f"Dice {dice_per_slice(predicted, cases['mask'][index : index + 1])[0]:.2f}")
    elif cases.healthy_slices()[index]:
        lines.append("healthy")
    return "\n".join(lines)


def _color_bar(figure: Any, below: Any, image: Any, height: float) -> None:
    box = below.get_position()
    axis = figure.add_axes((box.x0 + 0.08 * box.width, box.y0 - 0.2 / height, 0.84 * box.width, 0.1 / height))
    bar = figure.colorbar(image, cax=axis, orientation="horizontal")
    bar.ax.tick_params(colors=TEXT, labelsize=9, length=2)
    bar.outline.set_visible(False)


def _legend(figure: Any, below: Any, height: float, threshold: float | None) -> None:
    box = below.get_position()
    lines = [("true", TRUTH)] + ([] if threshold is None else [(f"map > {threshold:.3g}", PREDICTED)])
    for i, (text, color) in enumerate(lines):
        y = box.y0 - (0.2 + 0.22 * i) / height
        figure.text(box.x0 + box.width / 2, y, f"— {text}", color=color, fontsize=11, ha="center", va="center")
