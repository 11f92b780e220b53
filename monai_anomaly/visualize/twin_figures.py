# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Pictures of the built-in sets whose diseased images have a healthy twin."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from ..data.chest.image import make_chest
from ..data.ellipses.geometry import make_ellipses
from .grid import GridColumn, draw_grid
from .limits import difference_limits
from .style import DIFFERENCE_COLORS

__all__ = ["chest_figure", "ellipses_figure", "twin_figure"]


def chest_figure(path: str | os.PathLike, size: int = 256, seed: int = 0) -> None:
    """Draw people without and with fluid on the right, on the left and on both sides.

    Args:
        path: PNG to write.
        size: pixels per side of each image.
        seed: of the first person.
    """
    sides = ("right", "left", "both")
    diseased = [make_chest(seed + 3 + k, size, side) for k, side in enumerate(sides)]
    healthy = [make_chest(seed + k, size).image for k in range(len(sides))]
    masks = [case.mask for case in diseased]
    twin_figure(path, healthy, [case.image for case in diseased], [case.twin for case in diseased], masks)


def ellipses_figure(path: str | os.PathLike, threshold: float, size: int = 256, seed: int = 0, rows: int = 3) -> None:
    """Draw images of both classes.

    Args:
        path: PNG to write.
        threshold: of the mask, as share of the intensity range.
        size: pixels per side of each image.
        seed: of the first image.
        rows: how many images of each class.
    """
    diseased = [make_ellipses(seed + rows + k, size, diseased=True) for k in range(rows)]
    healthy = [make_ellipses(seed + k, size).image for k in range(rows)]
    masks = [np.abs(case.twin - case.image) / 2 > threshold for case in diseased]
    twin_figure(path, healthy, [case.image for case in diseased], [case.twin for case in diseased], masks)


def twin_figure(
    path: str | os.PathLike,
    healthy: Sequence[np.ndarray],
    diseased: Sequence[np.ndarray],
    twin: Sequence[np.ndarray],
    mask: Sequence[np.ndarray],
) -> None:
    """One row per case: a healthy image, a diseased one of somebody else, its twin, their difference and the mask.

    Args:
        path: PNG to write.
        healthy: images (X, Y), -1 to 1.
        diseased: the same.
        twin: of each diseased image.
        mask: of each diseased image, bool.
    """
    change = np.stack(twin) - np.stack(diseased)
    images = {"healthy": healthy, "diseased": diseased, "its healthy twin": twin}
    columns = [
        *(GridColumn(name, np.stack(shown), (-1, 1)) for name, shown in images.items()),
        GridColumn("twin - diseased", change, difference_limits(change), DIFFERENCE_COLORS, bar=True),
        GridColumn("mask", np.stack(mask), smooth=False),
    ]
    draw_grid(path, columns, rotate=False, cell=2.2)
