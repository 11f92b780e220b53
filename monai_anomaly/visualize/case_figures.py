# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""What inference found in one case: a slice, or a few slices of a volume, one per row."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from .grid import GridColumn, Outline, draw_grid
from .limits import anomaly_limits, difference_limits, gray_limits
from .orientation import turn_upright, turn_vectors
from .picking import pick_slices
from .style import COLORS, DIFFERENCE_COLORS, MAP_COLORS, PREDICTED

__all__ = ["anomaly_case_figure", "case_slices", "segmentation_case_figure"]

CELL = 3.0
"""Width of a column in inches."""
LITTLE = 0.1
"""Share of the intensity range, or logarithm of a volume, that gets the last color where there is no more."""


def anomaly_case_figure(
    path: str | os.PathLike,
    image: np.ndarray,
    reconstruction: np.ndarray,
    map: np.ndarray,
    mask: np.ndarray,
    difference: np.ndarray | None = None,
    displacement: np.ndarray | None = None,
    log_jacobian: np.ndarray | None = None,
    threshold: float = 0.0,
    affine: np.ndarray | None = None,
    rows: int = 4,
    title: str = "",
) -> None:
    """Picture of one case: input, healthy reconstruction, anomaly map and the outline of the mask, and where the image
    was moved with arrows and colors.

    Args:
        path: PNG to write.
        image: one channel, (X, Y) or (X, Y, Z), [0, 1].
        reconstruction: of the image, same shape.
        map: the anomaly map, same shape.
        mask: the mask, same shape.
        difference: reconstruction - image with its sign, same shape, which gets a column of its own: red where the
            reconstruction is brighter, blue where it is darker.
        displacement: in voxels (D, X, Y) or (D, X, Y, Z), component i along axis i, where each voxel of the
            reconstruction was taken from: arrows upon the input, from there to the voxel.
        log_jacobian: of the displacement, shaped like the image: red where something shrank, blue where it grew.
        threshold: of the mask. The colors of the map reach beyond it, those of a difference or of a change of volume at
            least to a tenth: what is little stays dark or pale, and a healthy case looks healthy.
        affine: (4, 4), by which the picture is turned upright; None: a photograph or X-ray, whose y grows downward.
        rows: slices shown of a volume: those with the highest map, in their order; those with a map of 0, which
            were not translated, only when all are.
        title: written above.
    """
    image, reconstruction, map, mask = (case_slices(v, affine) for v in (image, reconstruction, map, mask))
    highest = np.sort(map.reshape(len(map), -1), axis=1)[:, -max(1, map[0].size // 100) :].mean(1)
    chosen = pick_slices(highest, (map != 0).any((1, 2)), rows)
    gray = GridColumn("input", image[chosen])
    columns = [gray, GridColumn("healthy reconstruction", reconstruction[chosen])]
    if difference is not None:
        signed = case_slices(difference, affine)[chosen]
        limits = difference_limits(signed, percentile=99.9, least=LITTLE)
        columns.append(GridColumn("signed difference", signed, limits, DIFFERENCE_COLORS, bar=True))
    if displacement is not None:
        turned = displacement if affine is None else turn_vectors(displacement, affine)
        arrows = turned[:2, None] if turned.ndim == 3 else np.moveaxis(turned[:2], -1, 1)
        columns.append(replace(gray, title="moved", arrows=np.moveaxis(arrows, 0, 1)[chosen]))
    if log_jacobian is not None:
        ratio = case_slices(log_jacobian, affine)[chosen]
        limits = difference_limits(ratio, percentile=99.9, least=LITTLE)
        columns.append(GridColumn("shrank (red), grew (blue)", ratio, limits, DIFFERENCE_COLORS, bar=True))
    columns.append(GridColumn("anomaly map", map[chosen], anomaly_limits(map[chosen], threshold), MAP_COLORS, bar=True))
    columns.append(replace(gray, title="mask", outlines=[Outline("", mask[chosen], PREDICTED)]))
    draw_grid(path, columns, rotate=affine is not None, title=title, cell=CELL)


def segmentation_case_figure(
    path: str | os.PathLike,
    image: np.ndarray,
    mean: np.ndarray,
    variance: np.ndarray,
    mask: np.ndarray,
    names: Sequence[str] = (),
    window: tuple[float, float] | None = None,
    affine: np.ndarray | None = None,
    rows: int = 4,
    title: str = "",
) -> None:
    """Picture of one segmented case: input, mean and variance of the ensemble, and the outlines of the mask.

    With several regions each pixel shows the highest mean and the highest variance of any region.

    Args:
        path: PNG to write.
        image: one channel, (X, Y) or (X, Y, Z), in any range.
        mean: share of the samples, (K, X, Y) or (K, X, Y, Z) for K regions, [0, 1].
        variance: over the samples, like the mean.
        mask: of each region, like the mean.
        names: of the regions, for a legend; none is drawn without names, and of a single region.
        window: intensities shown as black and white; None: the percentiles 0.5 and 99.8 of the slices shown.
        affine: see `anomaly_case_figure`.
        rows: slices shown of a volume: those with the largest mask and variance, in their order; those without
            either only when there is no other.
        title: written above.
    """
    image, highest, uncertain = (case_slices(v, affine) for v in (image, mean.max(0), variance.max(0)))
    regions = [case_slices(region, affine) > 0 for region in mask]
    found = (np.any(regions, axis=0) + uncertain).sum((1, 2))
    chosen = pick_slices(found if found.any() else highest.sum((1, 2)), found > 0, rows)
    gray = GridColumn("input", image[chosen], window or gray_limits(image[chosen]))
    top = float(uncertain[chosen].max()) or 0.25
    legend = names if len(names) and len(regions) > 1 else [""] * len(regions)
    outlines = [
        Outline(n, r[chosen], COLORS[i % len(COLORS)]) for i, (n, r) in enumerate(zip(legend, regions, strict=True))
    ]
    columns = [
        gray,
        GridColumn("mean", highest[chosen], smooth=False, bar=True),
        GridColumn("variance", uncertain[chosen], (0, top), MAP_COLORS, smooth=False, bar=True),
        replace(gray, title="mask", outlines=outlines),
    ]
    draw_grid(path, columns, rotate=affine is not None, title=title, cell=CELL)


def case_slices(volume: np.ndarray, affine: np.ndarray | None) -> np.ndarray:
    """The axial slices (Z, X, Y) of a volume, or the only one, turned to RAS order where there is an affine."""
    turned = volume if affine is None else turn_upright(volume, affine)
    return turned[None] if turned.ndim == 2 else np.moveaxis(turned, -1, 0)
