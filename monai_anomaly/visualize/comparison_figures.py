# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""The same cases, one per row, with what several methods made of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ..utils import DataError
from .examples_figures import row_labels, uncertainty_column
from .fields import Fields, known, same_cases
from .grid import GridColumn, draw_grid
from .limits import difference_limits, gray_limits
from .style import DIFFERENCE_COLORS

__all__ = ["difference_comparison_figure", "uncertainty_comparison_figure"]


def difference_comparison_figure(
    path: str | os.PathLike, methods: Mapping[str, Fields], channel: int = -1, rotate: bool = True, title: str = ""
) -> None:
    """Picture of the healthy reconstruction of several methods, and of the signed difference to the input; the true
    difference, where there are twins, stands beside the input (thesis ch. 6, Fig. 5 and 6).

    All images share one gray window, all differences one color scale around 0, that of the truth where it is known.

    Args:
        path: PNG to write.
        methods: name -> the cases drawn, the same ones in the same order, from the top: ``image`` and
            ``reconstruction`` (N, C, H, W), ``subject`` and ``slice`` (N,), perhaps ``twin`` like the image. Input and
            truth are those of the first method.
        channel: index of the image channel shown.
        rotate: see `turn_slice`.
        title: written above.

    Raises:
        DataError: when a method lacks the reconstructions, or has other cases than the first.
    """
    first = same_cases(methods)
    image, twin = np.float32(first["image"][:, channel]), known(first, "twin")
    healthy: dict[str, np.ndarray] = {}
    differences: dict[str, np.ndarray] = {}
    for name, cases in methods.items():
        found = known(cases, "reconstruction")
        if found is None:
            raise DataError(f"{name}: expected cases with a healthy reconstruction, found some without.")
        healthy[name] = found[:, channel]
        differences[name] = healthy[name] - np.float32(cases["image"][:, channel])
    gray = GridColumn("input", image, gray_limits(image))
    if twin is None:
        signed = GridColumn("", image, difference_limits(*differences.values()), DIFFERENCE_COLORS, bar=True)
        columns = [gray]
    else:  # the errors of a bad method would make the truth pale
        truth = twin[:, channel] - image
        limits = difference_limits(truth, percentile=100)
        signed = GridColumn("true\ndifference", truth, limits, DIFFERENCE_COLORS, bar=True)
        columns = [gray, signed]
    for name in methods:
        columns.append(replace(gray, title=f"{name}\nhealthy", images=healthy[name]))
        columns.append(replace(signed, title=f"{name}\ndifference", images=differences[name]))
    draw_grid(path, columns, row_labels(first), rotate, title, cell=1.6)


def uncertainty_comparison_figure(
    path: str | os.PathLike,
    methods: Mapping[str, Fields],
    region: int = 0,
    channel: int = -1,
    rotate: bool = True,
    title: str = "",
) -> None:
    """Picture of the uncertainty of several methods (thesis ch. 5, Fig. 5).

    Each method has a color scale of its own: the variance of masks and that of a Gaussian on logits have different
    ranges.

    Args:
        path: PNG to write.
        methods: name -> the cases drawn, the same ones in the same order, see `segmentation_examples_figure`. Input and
            truth are those of the first method.
        region: index of the region.
        channel: index of the input channel shown.
        rotate: see `turn_slice`.
        title: written above.

    Raises:
        DataError: when a method has other cases than the first.
    """
    first = same_cases(methods)
    image = first["image"][:, channel]
    truth = GridColumn("truth", first["mask"][:, region], smooth=False)
    columns = [GridColumn("input", image, gray_limits(image)), truth]
    for name, cases in methods.items():
        own = uncertainty_column(cases, region)
        columns.append(replace(own, title=f"{name}\n{own.title}"))
    draw_grid(path, columns, row_labels(first), rotate, title, cell=2.4)
