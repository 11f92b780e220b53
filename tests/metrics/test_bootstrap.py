# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import time

import numpy as np
import pytest

from monai_anomaly.metrics import cluster_bootstrap


def draw(rng: np.random.Generator, subjects: int = 40, shared: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """One to eight slices per subject around 0; ``shared`` is the spread that the slices of a subject have in
    common."""
    clusters = np.repeat(np.arange(subjects), rng.integers(1, 9, subjects))
    return shared * rng.normal(size=subjects)[clusters] + 0.7 * rng.normal(size=len(clusters)), clusters


def width(interval: tuple[float, float] | None) -> float:
    assert interval is not None
    return interval[1] - interval[0]


def test_covers_the_true_mean_in_about_95_percent_of_data_sets() -> None:
    rng, sets = np.random.default_rng(0), 400
    by_subject, by_slice = 0, 0
    for seed in range(sets):
        values, clusters = draw(rng)
        low, high = cluster_bootstrap(values, clusters, resamples=500, seed=seed)
        by_subject += low <= 0 <= high
        low, high = cluster_bootstrap(values, np.arange(len(values)), resamples=500, seed=seed)
        by_slice += low <= 0 <= high
    assert 0.90 <= by_subject / sets <= 0.98
    assert by_slice / sets < 0.8


@pytest.mark.parametrize("seed", range(5))
def test_wider_than_over_slices_when_those_of_a_subject_are_alike(seed: int) -> None:
    values, clusters = draw(np.random.default_rng(seed))
    slices = np.arange(len(values))
    assert width(cluster_bootstrap(values, clusters)) > 1.3 * width(cluster_bootstrap(values, slices))


def test_copies_of_a_slice_tell_nothing_new() -> None:
    values = np.random.default_rng(0).normal(size=30)
    once = cluster_bootstrap(values, np.arange(30))
    assert cluster_bootstrap(np.repeat(values, 7), np.repeat(np.arange(30), 7)) == pytest.approx(once)


def test_deterministic_by_seed() -> None:
    values, clusters = draw(np.random.default_rng(0))
    assert cluster_bootstrap(values, clusters, seed=1) == cluster_bootstrap(values, clusters, seed=1)
    assert cluster_bootstrap(values, clusters, seed=1) != cluster_bootstrap(values, clusters, seed=2)


def test_order_of_slices_does_not_matter() -> None:
    rng = np.random.default_rng(0)
    values, clusters = draw(rng)
    order = rng.permutation(len(values))
    assert cluster_bootstrap(values[order], clusters[order]) == pytest.approx(cluster_bootstrap(values, clusters))


def test_one_subject_has_no_interval() -> None:
    assert cluster_bootstrap(np.arange(5.0), ["a"] * 5) is None
    assert cluster_bootstrap(np.array([1.0, 2.0, np.nan]), ["a", "a", "b"]) is None
    assert cluster_bootstrap(np.full(3, np.nan), ["a", "b", "c"]) is None


def test_nan_is_left_out() -> None:
    values, clusters = draw(np.random.default_rng(0))
    more, others = np.append(values, [np.nan, np.nan]), np.append(clusters, [0, 99])
    assert cluster_bootstrap(more, others) == cluster_bootstrap(values, clusters)


def test_equal_values_have_no_width() -> None:
    assert cluster_bootstrap(np.zeros(6), [0, 0, 1, 1, 2, 2]) == (0, 0)


def test_costs_little() -> None:
    values, clusters = np.random.default_rng(0).normal(size=200), np.arange(200)
    start = time.perf_counter()
    for _ in range(60):  # more than a report with five baselines needs
        cluster_bootstrap(values, clusters)
    assert time.perf_counter() - start < 5  # 0.3 s on a free core
