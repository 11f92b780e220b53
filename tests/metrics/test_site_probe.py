# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from monai_anomaly.metrics import plane_of, site_probe
from monai_anomaly.utils import DataError

SITES = np.repeat(["A", "B", "C"], 20)


def latent(shift: float, seed: int = 0) -> np.ndarray:
    place = np.array(["ABC".index(s) for s in SITES])
    return np.random.default_rng(seed).normal(size=(60, 6)) + shift * np.eye(6)[place]


def test_sites_that_differ_are_told_and_others_are_not() -> None:
    clear = site_probe(latent(8.0), SITES, np.arange(60))
    assert clear is not None and clear.balanced_accuracy == clear.auroc == 1 and clear.chance == pytest.approx(1 / 3)
    blind = [site_probe(latent(0.0, seed), SITES, np.arange(60)) for seed in range(10)]
    assert np.mean([p.balanced_accuracy for p in blind if p]) == pytest.approx(1 / 3, abs=0.06)
    assert np.mean([p.auroc for p in blind if p]) == pytest.approx(0.5, abs=0.06)


def test_a_person_is_never_in_both_halves() -> None:
    """What tells people apart, but not sites, must not help: each has four equal vectors."""
    subjects = np.arange(60) // 4
    vectors = np.random.default_rng(1).normal(size=(15, 40))[subjects]
    found = site_probe(vectors, SITES, subjects)
    assert found is not None and found.balanced_accuracy < 0.7


def test_the_same_cases_give_the_same_numbers() -> None:
    assert site_probe(latent(1.0), SITES, np.arange(60)) == site_probe(latent(1.0), SITES, np.arange(60))


def test_small_and_unnamed_sites_do_not_count() -> None:
    sites = np.where(np.arange(60) < 2, "tiny", np.where(np.arange(60) < 10, "", SITES))
    found = site_probe(latent(8.0), sites, np.arange(60))
    assert found is not None and found.cases == 50 and found.chance == pytest.approx(1 / 3)
    assert site_probe(latent(8.0), np.where(SITES == "A", "A", ""), np.arange(60)) is None
    # many images of two people are not three people
    assert site_probe(latent(8.0), SITES, np.array([f"{s}{i % 2}" for i, s in enumerate(SITES)])) is None
    assert site_probe(np.zeros((0, 6)), np.array([], str), np.array([], str)) is None


def test_cases_that_the_model_is_sure_of_are_ranked_too() -> None:
    """Two people far beyond the others: the site is B with probability 1 for both, but more so for that of B."""
    aurocs = []
    for other in range(3):  # one of them is in the fold of the first
        values = np.array([1e3, 0.0, 0.1, 0.9, 1.0, 1.1])
        values[3 + other] = 2e3
        found = site_probe(values[:, None], np.repeat(["A", "B"], 3), np.arange(6))
        assert found is not None
        aurocs.append(found.auroc)
    assert max(aurocs) == 1


def test_values_must_be_finite() -> None:
    values = latent(1.0)
    values[3, 2] = np.inf
    with pytest.raises(DataError, match="latent vectors of finite values"):
        site_probe(values, SITES, np.arange(60))


def test_groups_stay_together_in_the_plane() -> None:
    points, how = plane_of(latent(20.0))
    assert how == "t-SNE" and points.shape == (60, 2)
    centers = np.stack([points[s == SITES].mean(0) for s in "ABC"])
    spread = max(np.linalg.norm(points[s == SITES] - c, axis=1).max() for s, c in zip("ABC", centers, strict=True))
    apart = min(np.linalg.norm(centers[i] - centers[i - 1]) for i in range(3))
    assert apart > spread
    assert np.array_equal(points, plane_of(latent(20.0))[0])


@pytest.mark.parametrize("shape", [(1, 4), (4, 4), (3, 1), (5, 3)])
def test_few_cases_have_a_place_too(shape: tuple[int, int]) -> None:
    points, how = plane_of(np.random.default_rng(0).normal(size=shape))
    assert points.shape == (shape[0], 2) and np.isfinite(points).all()
    assert how == ("PCA" if shape[0] < 5 else "t-SNE")
    assert plane_of(np.ones((8, 3)))[1] == "PCA"
