# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import torch

from monai_anomaly.metrics import average_otsu, otsu_threshold
from monai_anomaly.utils import DataError


def brute_force(values: np.ndarray, bins: int) -> float:
    """Try every bin center as the threshold and keep the first with the largest between-class variance."""
    counts, edges = np.histogram(values, bins)
    centers = (edges[:-1] + edges[1:]) / 2
    best, threshold = -1.0, np.nan
    for i in range(bins - 1):
        low, high = np.arange(bins) <= i, np.arange(bins) > i
        weight = counts[low].sum() / counts.sum()
        means = [np.average(centers[part], weights=counts[part]) for part in (low, high)]
        variance = weight * (1 - weight) * (means[1] - means[0]) ** 2
        if variance > best * (1 + 1e-12):
            best, threshold = variance, centers[i]
    return threshold


@pytest.mark.parametrize("bins", [16, 256])
@pytest.mark.parametrize("seed", range(4))
def test_maximizes_between_class_variance(seed: int, bins: int) -> None:
    rng = np.random.default_rng(seed)
    values = np.concatenate([rng.exponential(0.1, 3000), rng.normal(0.8, 0.1, 50 + 200 * seed)])
    assert otsu_threshold(torch.from_numpy(values), bins) == pytest.approx(brute_force(values, bins), abs=1e-12)


def test_agrees_with_skimage() -> None:
    filters = pytest.importorskip("skimage.filters")
    values = np.random.default_rng(0).gamma(1.0, 1.0, 5000)
    assert otsu_threshold(torch.from_numpy(values)) == pytest.approx(filters.threshold_otsu(values))


def test_separates_two_values_and_follows_shift_and_scale() -> None:
    values = torch.tensor([0.0] * 90 + [1.0] * 10)
    threshold = otsu_threshold(values)
    assert 0 < threshold < 1
    assert otsu_threshold(5 * values - 3) == pytest.approx(5 * threshold - 3)


def test_constant_map_marks_nothing() -> None:
    values = torch.full((1, 8, 8), 0.3)
    assert not (values > otsu_threshold(values)).any()


def test_average_is_the_mean_of_the_single_thresholds_and_differs_from_pooled() -> None:
    g = torch.Generator().manual_seed(0)
    maps = [torch.rand(1, 16, 16, generator=g), 10 * torch.rand(1, 16, 16, generator=g)]
    assert average_otsu(maps) == pytest.approx(sum(otsu_threshold(m) for m in maps) / 2)
    assert average_otsu(maps, pooled=True) == otsu_threshold(torch.stack(maps))
    assert average_otsu(maps, pooled=True) != pytest.approx(average_otsu(maps))


@pytest.mark.parametrize("values", [torch.zeros(0), torch.tensor([0.0, float("nan")])])
def test_bad_values(values: torch.Tensor) -> None:
    with pytest.raises(DataError, match="finite"):
        otsu_threshold(values)


def test_average_of_nothing() -> None:
    with pytest.raises(DataError, match="found none"):
        average_otsu([])
