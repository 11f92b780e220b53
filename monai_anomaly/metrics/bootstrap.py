# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

__all__ = ["cluster_bootstrap"]

BLOCK = 2**20
"""How many clusters are drawn at once; bounds the memory."""


def cluster_bootstrap(
    values: np.ndarray,
    clusters: np.ndarray | Sequence,
    *,
    resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
    statistic: Callable[[np.ndarray], np.ndarray] | None = None,
) -> tuple[float, float] | None:
    """Percentile interval of a mean over values that are independent between clusters, but not within one.

    Slices of one subject resemble each other, so a bootstrap over slices (``scipy.stats.bootstrap``) gives intervals
    that are too narrow. Here whole subjects are drawn, with replacement and as many as there are; of each resample the
    mean over its slices is taken, and the interval lies between the quantiles of the means (Davison and Hinkley,
    "Bootstrap Methods and their Application", 1997, ch. 3.8). A percentile interval is too narrow for few clusters.

    Args:
        values: (N,), or (N, K) for a statistic; rows with NaN are left out.
        clusters: (N,), what each value belongs to, e.g. names of subjects.
        resamples: how many resamples are drawn; 0: no interval.
        seed: of the draws; the same seed gives the same interval.
        level: share of the means that the interval holds.
        statistic: what is asked for in place of the mean, a function of the means of K values, (M, K) -> (M,), e.g.
            `pearson_of` of :py:func:`line_moments`; a resample where it is NaN does not count.

    Returns:
        (low, high), or None where fewer than two clusters have a value: nothing is known of the spread then, which an
        interval of zero width would hide.

    Example::

        dice, subjects = np.random.rand(20), np.repeat(np.arange(5), 4)
        mean, interval = np.nanmean(dice), cluster_bootstrap(dice, subjects)
    """
    values = np.asarray(values, np.float64)
    rows = values.reshape(len(values), -1)
    finite = np.isfinite(rows).all(1)
    member = np.unique(np.asarray(clusters)[finite], return_inverse=True)[1]
    count = np.bincount(member)
    if resamples < 1 or len(count) < 2:
        return None
    total = np.stack([np.bincount(member, weights=column) for column in rows[finite].T], axis=1)
    generator = np.random.default_rng(seed)
    block = max(1, BLOCK // total.size)
    means = []
    for start in range(0, resamples, block):
        drawn = generator.integers(len(count), size=(min(block, resamples - start), len(count)))
        means.append(total[drawn].sum(1) / count[drawn].sum(1)[:, None])
    drawn_means = np.concatenate(means)
    found = drawn_means[:, 0] if statistic is None else statistic(drawn_means)
    found = found[np.isfinite(found)]
    if not len(found):
        return None
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
