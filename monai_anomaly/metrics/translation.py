# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import torch
from monai.metrics import SSIMMetric

__all__ = ["mean_absolute_error", "mean_squared_error", "structural_similarity"]


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
    window = min(11, *images.shape[2:])
    metric = SSIMMetric(spatial_dims=2, data_range=data_range, win_size=window - 1 + window % 2)
    values = [
        torch.as_tensor(metric(torch.from_numpy(np.float32(a))[None], torch.from_numpy(np.float32(b))[None])).mean()
        for a, b in zip(images, references, strict=True)
    ]
    return torch.stack(values).double().numpy()
