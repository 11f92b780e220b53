# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..utils import atomic_path

__all__ = ["twin_figure"]

_TITLES = ("healthy", "diseased", "its healthy twin", "twin - diseased", "mask")


def twin_figure(
    cases: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]], path: str | os.PathLike
) -> Path:
    """A row for each case: a healthy image, a diseased one of somebody else, its twin, their difference and the mask.

    Args:
        cases: healthy, diseased, twin and mask, each (X, Y); images -1 to 1.
        path: the PNG to write.
    """
    from matplotlib.figure import Figure  # without pyplot: no window, no global state

    figure = Figure(figsize=(2.0 * len(_TITLES), 2.0 * len(cases) + 0.3), layout="constrained")
    axes = figure.subplots(len(cases), len(_TITLES), squeeze=False)
    for row, (healthy, diseased, twin, mask) in zip(axes, cases, strict=True):
        change = twin - diseased
        extent = max(float(np.abs(change).max()), 1e-6)
        gray, signed = {"cmap": "gray", "vmin": -1, "vmax": 1}, {"cmap": "RdBu_r", "vmin": -extent, "vmax": extent}
        shown = [(healthy, gray), (diseased, gray), (twin, gray), (change, signed), (2.0 * mask - 1, gray)]
        for axis, (image, colors) in zip(row, shown, strict=True):
            axis.imshow(image.T, interpolation="nearest", **colors)
            axis.axis("off")
    for axis, title in zip(axes[0], _TITLES, strict=True):
        axis.set_title(title, fontsize=9)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=110)
    return Path(path)
