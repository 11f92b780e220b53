# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import torch
from monai.metrics import SSIMMetric
from monai.metrics.regression import compute_ssim_and_cs

__all__ = ["mean_absolute_error", "mean_squared_error", "regional_similarity", "structural_similarity"]

SIGMA = 1.5
"""Of the Gaussian window of the SSIM, in pixels."""


def mean_absolute_error(
    images: np.ndarray, references: np.ndarray, regions: np.ndarray, data_range: float
) -> np.ndarray:
    """Mean absolute difference of every slice inside a region, as a share of the intensity range.

    Args:
        images: (N, C, H, W).
        references: same shape.
        regions: boolean, (N, 1, H, W); the channels are averaged.
        data_range: intensity range of the images.

    Returns:
        Float64, (N,); NaN where the region is empty.
    """
    regions = np.asarray(regions, bool)
    difference = np.abs(np.asarray(images, np.float32) - np.asarray(references, np.float32)).mean(1, keepdims=True)
    total = np.where(regions, difference, 0).sum((1, 2, 3), dtype=np.float64)
    size = regions.sum((1, 2, 3))
    return np.where(size > 0, total / np.maximum(size, 1), np.nan) / data_range


def mean_squared_error(images: np.ndarray, references: np.ndarray, data_range: float) -> np.ndarray:
    """Mean squared difference of every slice over all its pixels and channels, in units of images in [-1, 1].

    Args:
        images: (N, C, H, W).
        references: same shape.
        data_range: intensity range of the images; the difference is multiplied by 2 / data_range.

    Returns:
        Float64, (N,).
    """
    difference = np.asarray(images, np.float32) - np.asarray(references, np.float32)
    return np.square(difference).mean((1, 2, 3), dtype=np.float64) * (2 / data_range) ** 2


def structural_similarity(images: np.ndarray, references: np.ndarray, data_range: float) -> np.ndarray:
    """SSIM of every slice, the mean over channels and pixels (MONAI's ``SSIMMetric``, Gaussian window 11, sigma 1.5).

    Args:
        images: (N, C, H, W).
        references: same shape.
        data_range: intensity range of the images.

    Returns:
        Float64, (N,), at most 1.
    """
    if not len(images):
        return np.zeros(0)
    metric = SSIMMetric(spatial_dims=2, data_range=data_range, win_size=_window(images), kernel_sigma=SIGMA)
    values = [
        torch.as_tensor(metric(torch.from_numpy(np.float32(a))[None], torch.from_numpy(np.float32(b))[None])).mean()
        for a, b in zip(images, references, strict=True)
    ]
    return torch.stack(values).double().numpy()


def regional_similarity(
    images: np.ndarray, references: np.ndarray, regions: np.ndarray, data_range: float
) -> np.ndarray:
    """SSIM of every slice inside a region alone: outside of it both are made alike first, so that no window sees what
    differs there.

    Args:
        images: (N, C, H, W); NaN where an image is unknown.
        references: same shape.
        regions: boolean, (N, 1, H, W); the mean is over its pixels and the channels.
        data_range: intensity range of the images.

    Returns:
        Float64, (N,), at most 1; NaN where the region is empty or the image is unknown.
    """
    values = np.full(len(images), np.nan)
    window = _window(images)
    sides = ((0, 0), *((window // 2, window // 2),) * 2)
    for i, (image, reference, region) in enumerate(zip(images, references, regions, strict=True)):
        if not region.any() or np.isnan(image).any():
            continue
        if np.array_equal(image, reference):
            values[i] = 1
            continue
        pair = (np.where(region, image, reference), reference)
        a, b = (torch.from_numpy(np.pad(np.float32(x), sides, mode="symmetric"))[None] for x in pair)
        similarity, _ = compute_ssim_and_cs(a, b, 2, (window,) * 2, (SIGMA,) * 2, data_range)
        values[i] = similarity[0].double().numpy()[:, region[0]].mean()
    return values


def _window(images: np.ndarray) -> int:
    """Size of the window: 11 pixels, or the largest odd number that fits."""
    window = min(11, *images.shape[2:])
    return window - 1 + window % 2
