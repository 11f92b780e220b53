# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Iterable

import torch

from ..utils import DataError

__all__ = ["average_otsu", "otsu_threshold"]


def otsu_threshold(values: torch.Tensor, bins: int = 256) -> float:
    """Threshold that maximizes the between-class variance of a histogram (Otsu, IEEE Trans. SMC 9(1), 1979).

    As ``skimage.filters.threshold_otsu``, which the published code of thesis ch. 7 uses: the
    histogram spans the values' range and the result is a bin center; the foreground is ``values > threshold``.

    Args:
        values: any shape, any real dtype; computed in float64.
        bins: number of histogram bins.

    Returns:
        The threshold in the unit of ``values``; the value itself when all are equal.

    Raises:
        DataError: when ``values`` is empty or not finite.
    """
    values = torch.as_tensor(values).detach().flatten().to(torch.float64)
    if values.numel() == 0 or not bool(torch.isfinite(values).all()):
        raise DataError(f"Otsu's threshold needs finite values; found {values.numel()} values, some NaN or infinite.")
    low, high = (float(v) for v in values.aminmax())
    if low == high:
        return low
    count = torch.histc(values, bins, low, high)
    center = low + (torch.arange(bins, dtype=torch.float64, device=values.device) + 0.5) * ((high - low) / bins)
    below, total = count.cumsum(0)[:-1], count.sum()
    sum_below, sum_total = (count * center).cumsum(0)[:-1], (count * center).sum()
    above = total - below
    # the outermost bins are never empty, so neither class is
    variance = below * above * (sum_below / below - (sum_total - sum_below) / above) ** 2
    return float(center[int(variance.argmax())])


def average_otsu(maps: Iterable[torch.Tensor], bins: int = 256, pooled: bool = False) -> float:
    """One threshold for a set of anomaly maps: the "average Otsu" of thesis ch. 7.

    Args:
        maps: the maps of the *diseased* images, each of any shape.
        bins: number of histogram bins.
        pooled: take Otsu's threshold of all values together instead of the mean of the thresholds.

    Returns:
        The threshold in the unit of the maps.

    Raises:
        DataError: when there is no map.
    """
    maps = [torch.as_tensor(m) for m in maps]
    if not maps:
        raise DataError("The average Otsu threshold needs the map of at least one diseased image; found none.")
    if pooled:
        return otsu_threshold(torch.cat([m.flatten() for m in maps]), bins)
    return sum(otsu_threshold(m, bins) for m in maps) / len(maps)
