# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from .case_figures import CELL, case_slices
from .grid import GridColumn, Outline, draw_grid
from .limits import difference_limits
from .picking import pick_slices
from .style import DIFFERENCE_COLORS, PREDICTED, TRUTH, WANTED

__all__ = ["translation_case_figure"]


def translation_case_figure(
    path: str | os.PathLike,
    image: np.ndarray,
    translations: Mapping[str, np.ndarray],
    differences: Mapping[str, np.ndarray],
    desired: np.ndarray | None = None,
    found: np.ndarray | None = None,
    found_after: Mapping[str, np.ndarray] | None = None,
    affine: np.ndarray | None = None,
    rows: int = 4,
    title: str = "",
) -> None:
    """Picture of one translated case: input, translated images and their signed differences, with the outlines of the
    desired lesion and of what a segmenter finds.

    Args:
        path: PNG to write.
        image: one channel, (X, Y) or (X, Y, Z), [0, 1].
        translations: name -> translated image, same shape.
        differences: translated image - input with its sign, same names and shape: red where it became brighter, blue
            where darker; they share one color scale.
        desired: mask of what was to be put in, same shape.
        found: mask of the lesion in the input, same shape.
        found_after: the same in translated images, by name.
        affine: (4, 4), by which the picture is turned upright; None: a photograph or X-ray, whose y grows downward.
        rows: slices shown of a volume: those that changed most, in their order.
        title: written above.
    """
    slices = case_slices(image, affine)
    signed = {name: case_slices(values, affine) for name, values in differences.items()}
    change = np.sum([np.abs(values) for values in signed.values()], axis=0)
    top = np.sort(change.reshape(len(change), -1), axis=1)[:, -max(1, change[0].size // 100) :].mean(1)
    chosen = pick_slices(top, (change != 0).any((1, 2)), rows)

    def outline(name: str, mask: np.ndarray | None, color: str) -> list[Outline]:
        return [] if mask is None or not mask.any() else [Outline(name, case_slices(mask, affine)[chosen] > 0, color)]

    after, wanted = found_after or {}, outline("desired", desired, WANTED)
    gray = GridColumn("input", slices[chosen], outlines=[*outline("found", found, TRUTH), *wanted])
    limits = difference_limits(*(values[chosen] for values in signed.values()), percentile=99.9)
    columns = [gray]
    for name, made in translations.items():
        seen = [*wanted, *outline("found", after.get(name), PREDICTED)]
        columns.append(replace(gray, title=name, images=case_slices(made, affine)[chosen], outlines=seen))
        columns.append(GridColumn(f"{name} - input", signed[name][chosen], limits, DIFFERENCE_COLORS, bar=True))
    draw_grid(path, columns, rotate=affine is not None, title=title, cell=CELL)
