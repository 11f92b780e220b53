# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from scipy import ndimage as ndi

from ..registration import BrainTemplate, Volume
from .style import GRAY, TEXT, TRUTH, new_figure, save_figure

__all__ = ["preprocessing_figure"]

PIXEL = 1.5
"""mm, of the pictures."""


def preprocessing_figure(
    path: str | os.PathLike,
    scan: torch.Tensor,
    brain: torch.Tensor,
    results: Mapping[str, torch.Tensor],
    template: BrainTemplate,
    title: str = "",
) -> None:
    """Three planes of a scan with the outline of its brain mask; below them the result with the outline of the
    template, and an axial plane of up to three other contrasts.

    Args:
        path: PNG to write.
        scan: the reference as it was loaded, a MetaTensor (1, X, Y, Z) in RAS order.
        brain: its brain mask, on the same grid.
        results: modality -> the preprocessed scan; the first is the reference.
        template: whose brain is outlined below.
        title: written above.
    """
    reference, *others = results
    rows = 3 if others[:3] else 2
    figure = new_figure(9.6, 3.44 * rows)
    axes = figure.subplots(rows, 3)
    after, before, mask = Volume.of(results[reference]), Volume.of(scan), Volume.of(brain)
    target = template.image.above_zero().pulled(np.eye(4), after)
    middle = target.center_of_mass()
    for k, plane in enumerate((2, 1, 0)):
        _show(axes[0, k], before, mask, mask.center_of_mass(), plane, "" if k else f"{reference}, brain mask")
        _show(axes[1, k], after, target, middle, plane, "" if k else f"{reference}, brain of the template")
    for axis in axes[2:].flat:
        axis.set_axis_off()
    for axis, name in zip(axes[2:].flat, others, strict=False):
        _show(axis, Volume.of(results[name]), target, middle, 2, name)
    figure.suptitle(title, color=TEXT, fontsize=11)
    figure.tight_layout()
    save_figure(figure, path)


def _show(axis: Any, image: Volume, outline: Volume, middle: np.ndarray, plane: int, title: str) -> None:
    """A plane of an image with an outline that lies on the same grid."""
    inside = image.values[(outline.values > 0.5) & (image.values > 0)]
    low, high = np.percentile(inside, (1, 99.5)) if inside.size else (0, 1)
    picture, line = (_slice(v, middle, plane) for v in (image, outline))
    axis.imshow(picture.T, cmap=GRAY, vmin=low, vmax=high, origin="lower")
    if (line > 0.5).any():
        axis.contour(line.T, levels=[0.5], colors=TRUTH, linewidths=0.9)
    axis.set_title(title, color=TEXT, fontsize=11, loc="left")
    axis.set_axis_off()


def _slice(volume: Volume, middle: np.ndarray, plane: int) -> np.ndarray:
    """The plane at right angles to an axis (0: x, 1: y, 2: z in mm) through a point, with square pixels."""
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in volume.values.shape], indexing="ij")).reshape(3, -1)
    ends = volume.affine[:3, :3] @ corners + volume.affine[:3, 3:]
    others = [i for i in range(3) if i != plane]
    sides = [np.arange(ends[i].min(), ends[i].max() + PIXEL, PIXEL) for i in others]
    points = np.empty((3, len(sides[0]), len(sides[1])))
    points[plane] = middle[plane]
    points[others[0]], points[others[1]] = np.meshgrid(*sides, indexing="ij")
    inverse = np.linalg.inv(volume.affine)
    index = np.tensordot(inverse[:3, :3], points, 1) + inverse[:3, 3][:, None, None]
    values: np.ndarray = ndi.map_coordinates(volume.values, index, order=1)
    return values
