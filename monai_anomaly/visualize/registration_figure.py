# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from typing import Any

import numpy as np
from scipy import ndimage as ndi

from ..preprocessing.brain_mr import PreprocessedScan
from ..registration import BrainTemplate, Volume
from ..utils import atomic_path

__all__ = ["preprocessing_figure"]

_MM = 1.5  # mm: pixels of the picture
_INK, _PAPER, _OUTLINE = "#e6e6e6", "#16181d", "#4fd1ff"


def preprocessing_figure(
    path: str | os.PathLike, scan: PreprocessedScan, modality: str, template: BrainTemplate, title: str = ""
) -> None:
    """Three planes of a scan with its brain mask's outline, below of the result with that of the template, and below
    these an axial plane of up to three other contrasts.

    Args:
        path: PNG to write.
        scan: what was preprocessed.
        modality: the reference.
        template: whose brain is outlined below.
        title: written above.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    others = [m for m in scan.images if m != modality][:3]
    figure = Figure(figsize=(12, 4.3 * (3 if others else 2)), dpi=80, facecolor=_PAPER)
    FigureCanvasAgg(figure)
    axes = figure.subplots(3 if others else 2, 3)
    after = Volume.of(scan.images[modality])
    target = template.image.above_zero().pulled(np.eye(4), after)
    middle = target.center_of_mass()
    before, brain = Volume.of(scan.reference), Volume.of(scan.reference_brain)
    for axis, plane in zip(axes[0], (2, 1, 0), strict=True):
        _show(axis, before, brain, brain.center_of_mass(), plane)
    for axis, plane in zip(axes[1], (2, 1, 0), strict=True):
        _show(axis, after, target, middle, plane)
    axes[0, 0].set_title(f"{modality}, brain mask", color=_INK, fontsize=11, loc="left")
    axes[1, 0].set_title(f"{modality}, brain of the template", color=_INK, fontsize=11, loc="left")
    for axis in axes[2] if others else ():
        axis.set_axis_off()
    for axis, name in zip(axes[2] if others else (), others, strict=False):
        _show(axis, Volume.of(scan.images[name]), target, middle, 2)
        axis.set_title(name, color=_INK, fontsize=11, loc="left")
    figure.suptitle(title, color=_INK, fontsize=11)
    figure.tight_layout()
    with atomic_path(path) as temporary:
        figure.savefig(temporary, facecolor=_PAPER)


def _show(axis: Any, image: Volume, outline: Volume, middle: np.ndarray, plane: int) -> None:
    """A plane of an image with an outline that lies on the same grid."""
    inside = image.values[(outline.values > 0.5) & (image.values > 0)]
    low, high = np.percentile(inside, (1, 99.5)) if inside.size else (0, 1)
    picture, line = (_slice(v, middle, plane) for v in (image, outline))
    axis.imshow(picture.T, cmap="gray", vmin=low, vmax=high, origin="lower")
    if (line > 0.5).any():
        axis.contour(line.T, levels=[0.5], colors=_OUTLINE, linewidths=0.9)
    axis.set_axis_off()


def _slice(volume: Volume, middle: np.ndarray, plane: int) -> np.ndarray:
    """The plane at right angles to an axis (0: x, 1: y, 2: z in mm) through a point, with square pixels."""
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in volume.values.shape], indexing="ij")).reshape(3, -1)
    ends = volume.affine[:3, :3] @ corners + volume.affine[:3, 3:]
    others = [i for i in range(3) if i != plane]
    sides = [np.arange(ends[i].min(), ends[i].max() + _MM, _MM) for i in others]
    points = np.empty((3, len(sides[0]), len(sides[1])))
    points[plane] = middle[plane]
    points[others[0]], points[others[1]] = np.meshgrid(*sides, indexing="ij")
    inverse = np.linalg.inv(volume.affine)
    index = np.tensordot(inverse[:3, :3], points, 1) + inverse[:3, 3][:, None, None]
    values: np.ndarray = ndi.map_coordinates(volume.values, index, order=1)
    return values
