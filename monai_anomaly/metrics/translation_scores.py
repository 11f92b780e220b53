# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import numpy as np

from ..utils import interior
from .cases import AnomalyCases
from .summary import Interval, slice_mean
from .translation import mean_absolute_error, mean_squared_error, structural_similarity

__all__ = ["score_translation", "true_differences"]

SCORES = ("twin_mae_lesion", "twin_mae_brain", "twin_ssim", "difference_mse", "difference_ssim")


def score_translation(
    test: AnomalyCases, min_lesion_pixels: int, data_range: float, background: float, interval: Interval
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """How near the healthy reconstruction is to the twin, with the untouched input beside it, and what it changes.

    The scores of thesis ch. 6, Table 1 are those of d = reconstruction - image against GT = twin - image:
    ``difference_mse``, where the image cancels, and ``difference_ssim``; and ``change_healthy_mse``, of healthy slices.
    Their unit is that of images in [-1, 1]. The SSIM is that of this package; the published script rescales d and GT to
    [0, 1], each by itself, which hides a wrong offset or amplitude.

    Args:
        test: slices, all with a reconstruction.
        min_lesion_pixels: see :py:func:`evaluate`.
        data_range: intensity range of the images.
        background: image value outside of the brain.
        interval: of a mean over slices.

    Returns:
        Summary and columns of the table of cases.
    """
    diseased, healthy = test.diseased(min_lesion_pixels), test.healthy_slices()
    brain = interior(test["image"], 0, background, 0.01 * data_range)
    twin = diseased & test.has_twin
    columns: dict[str, np.ndarray] = {}
    for prefix, image in (("", test["healthy"]), ("input_", test["image"])):
        values = np.full((len(SCORES), len(test)), np.nan)
        if twin.any():
            values[:, twin] = _to_the_twin(image[twin], test, twin, brain[twin], data_range)
        columns |= {f"{prefix}{name}": column for name, column in zip(SCORES, values, strict=True)}
    summary = {k: slice_mean(v, interval) for k, v in columns.items()} if twin.any() else {}
    change = mean_absolute_error(test["healthy"], test["image"], brain, data_range)
    squared = mean_squared_error(test["healthy"], test["image"], data_range)
    summary["change_healthy_slices"] = slice_mean(np.where(healthy, change, np.nan), interval)
    summary["change_diseased_slices"] = slice_mean(np.where(diseased, change, np.nan), interval)
    columns |= {"change_brain": change, "change_healthy_mse": np.where(healthy, squared, np.nan)}
    summary["change_healthy_mse"] = slice_mean(columns["change_healthy_mse"], interval)
    return summary, columns


def true_differences(test: AnomalyCases, data_range: float) -> np.ndarray:
    """The maps (N, 1, H, W) of a perfect reconstruction: sum_c \\|twin - image\\| / data_range."""
    difference = test["twin"].astype(np.float32) - test["image"].astype(np.float32)
    return np.abs(difference).sum(1, keepdims=True) / np.float32(data_range)


def _to_the_twin(
    image: np.ndarray, test: AnomalyCases, some: np.ndarray, brain: np.ndarray, data_range: float
) -> list[np.ndarray]:
    """The scores of images that stand for the twins of some slices."""
    twin, original = test["twin"][some], test["image"][some].astype(np.float32)
    return [
        mean_absolute_error(image, twin, test["mask"][some], data_range),
        mean_absolute_error(image, twin, brain, data_range),
        structural_similarity(image, twin, data_range),
        mean_squared_error(image, twin, data_range),
        structural_similarity(image - original, twin - original, data_range),
    ]
