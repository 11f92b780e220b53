# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Translated images: what was asked for, what was made of it, and what that changed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from .examples_figures import row_labels
from .fields import Fields, known, same_cases
from .grid import GridColumn, Outline, draw_grid
from .limits import difference_limits, gray_limits
from .style import DIFFERENCE_COLORS, PREDICTED, TRUTH, WANTED

__all__ = ["translation_comparison_figure", "translation_examples_figure"]


def translation_examples_figure(
    path: str | os.PathLike,
    cases: Fields,
    channel: int = -1,
    channel_name: str = "",
    rotate: bool = True,
    title: str = "",
) -> None:
    """Picture of a few cases: input, desired lesion, translated image, signed difference, and the true counterfactual
    with its difference, where it is known (thesis ch. 8, Fig. 5 to 8).

    Images share one gray window, differences one color scale. Where a case has no truth, its place is black.

    Args:
        path: PNG to write.
        cases: those drawn, from the top: ``image`` and ``reconstruction`` (N, C, H, W), ``subject`` and ``slice`` (N,),
            perhaps ``target`` like the image, ``mask``, ``target_mask`` and ``found_after`` (N, 1, H, W) bool,
            ``target_value``, ``value_before`` and ``value_after`` (N,).
        channel: index of the image channel shown.
        channel_name: its name.
        rotate: see `turn_slice`.
        title: written above.
    """
    image, made = (np.float32(cases[name][:, channel]) for name in ("image", "reconstruction"))
    target = known(cases, "target")
    truth = None if target is None else np.float32(target[:, channel])
    difference = made - image
    true_difference = None if truth is None else truth - image
    limits = difference_limits(*(d for d in (difference, true_difference) if d is not None))
    gray = GridColumn("", image, gray_limits(image))
    signed = GridColumn("", difference, limits, DIFFERENCE_COLORS, bar=True)
    old, new = _outlines(cases, "mask", "lesion", TRUTH), _outlines(cases, "target_mask", "desired", WANTED)
    found = _outlines(cases, "found_after", "found", PREDICTED)
    columns = [replace(gray, title=f"input\n{channel_name}", outlines=old)]
    if new:
        columns.append(replace(gray, title="desired", outlines=new))
    columns.append(replace(gray, title="translated", images=made))
    if found or new:
        columns.append(replace(gray, title="translated,\noutlines", images=made, outlines=[*new, *found]))
    columns.append(replace(signed, title="translated - input", outlines=_unnamed(new)))
    if truth is not None and true_difference is not None:
        columns.append(replace(gray, title="true\ncounterfactual", images=truth))
        columns.append(replace(signed, title="true - input", images=true_difference, outlines=_unnamed(new)))
    draw_grid(path, columns, row_labels(cases, _notes(cases)), rotate, title, cell=2.2)


def translation_comparison_figure(
    path: str | os.PathLike, methods: Mapping[str, Fields], channel: int = -1, rotate: bool = True, title: str = ""
) -> None:
    """Picture of the translated images of several methods, and of their signed differences to the input, beside the
    true counterfactual where it is known.

    Args:
        path: PNG to write.
        methods: name -> the cases drawn, the same ones in the same order, see `translation_examples_figure`. Input and
            truth are those of the first method.
        channel: index of the image channel shown.
        rotate: see `turn_slice`.
        title: written above.

    Raises:
        DataError: when a method has other cases than the first.
    """
    first = same_cases(methods)
    image, target = np.float32(first["image"][:, channel]), known(first, "target")
    made = {name: np.float32(cases["reconstruction"][:, channel]) for name, cases in methods.items()}
    changes = {name: values - image for name, values in made.items()}
    gray = GridColumn("", image, gray_limits(image))
    old, new = _outlines(first, "mask", "lesion", TRUTH), _outlines(first, "target_mask", "desired", WANTED)
    columns = [replace(gray, title="input", outlines=[*old, *new])]
    if target is None:
        limits = difference_limits(*changes.values())
    else:  # the errors of a bad method would make the truth pale
        truth = np.float32(target[:, channel])
        limits = difference_limits(truth - image)
        columns.append(replace(gray, title="true\ncounterfactual", images=truth))
        columns.append(GridColumn("true\ndifference", truth - image, limits, DIFFERENCE_COLORS, bar=True))
    for name in methods:
        columns.append(replace(gray, title=f"{name}\ntranslated", images=made[name]))
        columns.append(GridColumn(f"{name}\ndifference", changes[name], limits, DIFFERENCE_COLORS, bar=True))
    draw_grid(path, columns, row_labels(first), rotate, title, cell=1.8)


def _outlines(cases: Fields, field: str, name: str, color: str) -> list[Outline]:
    """Of a mask, where any case has one."""
    masks = known(cases, field)
    return [Outline(name, masks[:, 0] > 0, color)] if masks is not None and masks.any() else []


def _unnamed(outlines: list[Outline]) -> list[Outline]:
    """Without a legend, where there is one for the colors."""
    return [replace(outline, name="", color="black", width=0.8) for outline in outlines]


def _notes(cases: Fields) -> list[str]:
    """What was asked for, and what the method's own network measured before and after."""
    values = {name: known(cases, name) for name in ("target_value", "value_before", "value_after")}
    notes = []
    for i in range(len(cases["image"])):
        wanted, before, after = (
            "" if stack is None or np.isnan(stack[i]) else f"{stack[i]:.3g}" for stack in values.values()
        )
        own = f"{before} to {after}" if before and after else ""
        notes.append("\n".join(part for part in (own and f"own: {own}", wanted and f"asked: {wanted}") if part))
    return notes
