# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from ...metrics.summed_difference import summed_difference
from ...metrics.translation import mean_absolute_error, mean_squared_error, structural_similarity
from ...utils import interior
from ..cases import Cases
from ..disease import diseased, healthy
from ..summary import case_mean
from ..task import Columns, Context, Summary

__all__ = ["TWIN_SCORES", "score_reconstruction", "true_differences"]

TWIN_SCORES = ("twin_mae_lesion", "twin_mae_brain", "twin_ssim", "difference_mse", "difference_ssim")
"""Scores that need the true healthy image."""


def score_reconstruction(cases: Cases, context: Context) -> tuple[Summary, Columns]:
    """How near the healthy reconstruction is to the twin, and what it changes.

    The scores of thesis ch. 6, Table 1 compare d = reconstruction - image with GT = twin - image:
    ``difference_mse``, where the image cancels, and ``difference_ssim``; and ``change_healthy_mse``, of healthy cases.
    They are in units of images in [-1, 1]. For the SSIM d and GT are not rescaled; the published script brings each to
    [0, 1] by itself, which hides a wrong offset or amplitude.

    Args:
        cases: with ``reconstruction``; those without score nothing.
        context: settings ``min_lesion_pixels``, ``data_range`` and ``background``.

    Returns:
        Summary and columns of the table of cases.
    """
    if not cases.has("reconstruction"):
        return {}, {}
    data_range, background = context.settings["data_range"], context.settings["background"]
    sick, well = diseased(cases, context.settings["min_lesion_pixels"]), healthy(cases)
    brain = interior(cases["image"], 0, background, 0.01 * data_range)
    columns: Columns = {}
    twins = sick & cases.known("twin")
    if twins.any():
        values = np.full((len(TWIN_SCORES), len(cases)), np.nan)
        values[:, twins] = _to_the_twin(cases, twins, brain[twins], data_range)
        columns |= dict(zip(TWIN_SCORES, values, strict=True))
    summary = {name: case_mean(column, context.interval) for name, column in columns.items()}
    change = mean_absolute_error(cases["reconstruction"], cases["image"], brain, data_range)
    squared = mean_squared_error(cases["reconstruction"], cases["image"], data_range)
    columns |= {"change_brain": change, "change_healthy_mse": np.where(well, squared, np.nan)}
    for name, values in (
        ("change_healthy", np.where(well, change, np.nan)),
        ("change_diseased", np.where(sick, change, np.nan)),
        ("change_healthy_mse", columns["change_healthy_mse"]),
    ):
        summary[name] = case_mean(values, context.interval)
    return summary, columns


def true_differences(cases: Cases, data_range: float, weights: Sequence[float] | None = None) -> np.ndarray:
    """The maps (N, 1, H, W) of a perfect reconstruction, see `summed_difference`, as shares of the data range."""
    difference = cases["image"].astype(np.float32) - cases["twin"].astype(np.float32)
    return summed_difference(torch.from_numpy(difference), weights).numpy() / np.float32(data_range)


def _to_the_twin(cases: Cases, some: np.ndarray, brain: np.ndarray, data_range: float) -> list[np.ndarray]:
    """The scores of the reconstructions of some cases, in the order of their names."""
    image, twin = cases["reconstruction"][some], cases["twin"][some]
    original = cases["image"][some].astype(np.float32)
    return [
        mean_absolute_error(image, twin, cases["mask"][some], data_range),
        mean_absolute_error(image, twin, brain, data_range),
        structural_similarity(image, twin, data_range),
        mean_squared_error(image, twin, data_range),
        structural_similarity(image - original, twin - original, data_range),
    ]
