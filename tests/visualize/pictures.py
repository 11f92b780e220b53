# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Iterable

import numpy as np
from PIL import Image
from scipy import ndimage

from monai_anomaly.visualize.style import BACKGROUND


def rgb(color: str) -> np.ndarray:
    return np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)], float)


def pixels(path: str | os.PathLike) -> np.ndarray:
    """A picture, (height, width, 3), 0 to 255."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"), float)


def cells(path: str | os.PathLike, rows: int, columns: int) -> list[list[np.ndarray]]:
    """The images in a picture, found as the largest areas that are not background; each (height, width, 3)."""
    picture = pixels(path)
    labels, count = ndimage.label((np.abs(picture - rgb(BACKGROUND)) > 2).any(-1))
    boxes = ndimage.find_objects(labels)
    size = [(box[0].stop - box[0].start) * (box[1].stop - box[1].start) for box in boxes]
    largest = sorted(np.argsort(size)[::-1][: rows * columns], key=lambda i: boxes[i][0].start)
    assert count >= rows * columns and min(size[i] for i in largest) > 0.9 * max(size), "another number of images"
    assert all(size[i] < 0.9 * max(size) for i in range(count) if i not in largest), "another number of images"
    found = []
    for row in np.reshape(largest, (rows, columns)):
        ordered = sorted(row, key=lambda i: boxes[i][1].start)
        assert np.ptp([boxes[i][0].start for i in ordered]) <= 2
        found.append([picture[boxes[i]] for i in ordered])
    height, width = (min(cell.shape[axis] for row in found for cell in row) for axis in (0, 1))
    return [[cell[:height, :width] for cell in row] for row in found]


def at(cell: np.ndarray, x: float, y: float, rotate: bool = True) -> np.ndarray:
    """The color at a place of an image (X, Y), given as shares of its sides."""
    down = 1 - y if rotate else y
    return cell[int(down * len(cell)), int(x * cell.shape[1])]


def is_red(color: np.ndarray) -> np.ndarray:
    return color[..., 0] - color[..., 2] > 60


def is_blue(color: np.ndarray) -> np.ndarray:
    return color[..., 2] - color[..., 0] > 60


def has_color(cell: np.ndarray, color: str) -> np.ndarray:
    """Where a line of a color lies, (height, width) bool."""
    return np.abs(cell - rgb(color)).max(-1) < 40


def center(where: np.ndarray, rotate: bool = True) -> tuple[float, float]:
    """The middle between the outermost pixels, (x, y) as shares of the sides of an image (X, Y)."""
    down, x = ((int(i.min()) + int(i.max()) + 1) / 2 / n for i, n in zip(np.nonzero(where), where.shape, strict=True))
    return x, 1 - down if rotate else down


def near(first: Iterable[float], second: Iterable[float], tolerance: float = 0.05) -> bool:
    return bool(np.allclose(list(first), list(second), atol=tolerance))
