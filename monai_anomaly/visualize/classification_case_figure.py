# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
from scipy import ndimage

from ..utils import voxel_size
from .grid import GridColumn, draw_grid
from .limits import map_limits
from .orientation import turn_upright
from .picking import pick_slices

__all__ = ["classification_case_figure"]

CELL = 2.4
"""Width of a column in inches."""
PLANES = {"axial": 2, "coronal": 1, "sagittal": 0}
"""Axis across each plane of a volume in RAS order."""
FINEST = 256
"""Pixels along a side of a slice, at most."""


def classification_case_figure(
    path: str | os.PathLike,
    image: np.ndarray,
    map: np.ndarray,
    affine: np.ndarray | None = None,
    name: str = "map",
    rows: int = 3,
    title: str = "",
) -> None:
    """Picture of one classified case: slices in three planes, each without and with the map laid over it.

    Voxels are shown in their proportions. What is around the head is left out, unless the map is high there.

    Args:
        path: PNG to write.
        image: one channel, (X, Y) or (X, Y, Z), [0, 1].
        map: what speaks for the class, same shape, 0 or more; the higher, the less of the image is seen through it.
        affine: (4, 4), by which the picture is turned upright; None: a photograph or X-ray, whose y grows downward.
        name: of the map, above it.
        rows: slices shown of each plane of a volume: those with the highest map where the image is not 0, in their
            order; when there is none, the brightest.
        title: written above.
    """
    step = np.ones(3)
    if affine is not None:
        step = _steps(affine, image.ndim)
        image, map = turn_upright(image, affine), turn_upright(map, affine)
    if image.ndim == 3:
        image, map = _cut_out(image, map)
    step = step[: image.ndim]
    side = max(size * mm for size, mm in zip(image.shape, step, strict=True))
    pixel = max(side / FINEST, step.min())
    planes = PLANES if image.ndim == 3 else {"input": None}
    columns = []
    for plane, axis in planes.items():
        chosen = [0] if axis is None else _slices(image, map, axis, min(rows, *image.shape))
        scale = (step if axis is None else np.delete(step, axis)) / pixel
        gray, over = (
            np.stack([_squared(v if axis is None else v.take(i, axis), scale, round(side / pixel)) for i in chosen])
            for v in (image, map)
        )
        shown = GridColumn(plane, gray)
        columns += [shown, replace(shown, title=name, overlay=over, overlay_limits=map_limits(map), bar=True)]
    draw_grid(path, columns, rotate=affine is not None, title=title, cell=CELL)


def _cut_out(image: np.ndarray, map: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The part of a volume where there is something, with a rim."""
    seen = (image > 0) | (map > 0.1 * map.max())
    if not seen.any():
        return image, map
    rim = [size // 40 + 1 for size in image.shape]
    box = tuple(
        slice(max(0, part.start - r), part.stop + r)
        for part, r in zip(ndimage.find_objects(seen.astype(np.uint8))[0], rim, strict=True)
    )
    return image[box], map[box]


def _steps(affine: np.ndarray, dimensions: int) -> np.ndarray:
    """Size of a voxel along right, anterior, superior; of a 2D image without the one across it."""
    import nibabel as nib

    axes = nib.orientations.io_orientation(affine)[:, 0].astype(int).tolist()
    steps = voxel_size(affine)[[axes.index(i) for i in range(3)]]
    return steps if dimensions == 3 else np.delete(steps, axes[2])


def _slices(image: np.ndarray, map: np.ndarray, axis: int, rows: int) -> list[int]:
    """Numbers of the slices across an axis that are shown."""
    inside = map * (image > 0)
    values = np.moveaxis(inside if inside.any() else image, axis, 0).reshape(image.shape[axis], -1)
    weight = np.sort(values, axis=1)[:, -max(1, values.shape[1] // 100) :].mean(1)
    eligible = weight > 0
    return pick_slices(weight, eligible if eligible.sum() >= rows else np.ones_like(eligible), rows)


def _squared(values: np.ndarray, scale: np.ndarray, side: int) -> np.ndarray:
    """A slice in the middle of a black square."""
    made = ndimage.zoom(values.astype(np.float32), scale, order=1, grid_mode=True, mode="nearest")[:side, :side]
    missing = side - np.array(made.shape)
    return np.pad(made, [(n // 2, n - n // 2) for n in missing])
