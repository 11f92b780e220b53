# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from monai_anomaly.metrics import cohen_kappa, log_odds


def of_table(both: int, first: int, second: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    a = np.repeat([True, True, False, False], [both, first, second, neither])
    b = np.repeat([True, False, True, False], [both, first, second, neither])
    return a, b


@pytest.mark.parametrize(
    ("table", "kappa"),
    [
        ((20, 5, 10, 15), 0.4),
        ((45, 15, 25, 15), 0.1304),
        ((25, 35, 5, 35), 0.2593),
        ((7, 0, 0, 3), 1.0),
        ((0, 5, 5, 0), -1.0),
        ((4, 4, 4, 4), 0.0),
    ],
)
def test_kappa_of_published_tables(table: tuple[int, ...], kappa: float) -> None:
    a, b = of_table(*table)
    assert cohen_kappa(a, b) == pytest.approx(kappa, abs=1e-4) == cohen_kappa(b, a) == cohen_kappa(~a, ~b)


def test_kappa_of_equal_classes_is_twice_the_accuracy_minus_one() -> None:
    # thesis ch. 6, Table 2: 200 images of each class, accuracy 0.8975, kappa 0.795
    said, true = of_table(180, 21, 20, 179)
    assert (said == true).mean() == 0.8975 and cohen_kappa(said, true) == pytest.approx(0.795)


def test_kappa_is_unknown_without_two_classes() -> None:
    assert np.isnan(cohen_kappa(np.ones(3), np.ones(3))) and np.isnan(cohen_kappa(np.zeros(0), np.zeros(0)))
    assert cohen_kappa(np.ones(4), of_table(2, 2, 0, 0)[1]) == 0


def test_kappa_of_several_classes() -> None:
    a, b = np.array([0, 0, 1, 1, 2, 2]), np.array([0, 1, 1, 1, 2, 0])
    expected, chance = 4 / 6, (2 * 2 + 2 * 3 + 2 * 1) / 36
    assert cohen_kappa(a, b) == pytest.approx((expected - chance) / (1 - chance)) == cohen_kappa(b, a)
    assert cohen_kappa(a + 5, b + 5) == pytest.approx(cohen_kappa(a, b))


@pytest.mark.parametrize("classes", [2, 4])
def test_log_odds_are_those_of_the_probability_and_go_on_where_it_is_one(classes: int) -> None:
    logits = np.random.default_rng(0).normal(size=(20, classes)).astype(np.float32)
    p = np.exp(logits, dtype=np.float64) / np.exp(logits, dtype=np.float64).sum(1, keepdims=True)
    np.testing.assert_allclose(log_odds(logits), np.log(p / (1 - p)), atol=1e-6)
    sure = np.zeros((2, classes), np.float32)
    sure[:, 1] = 500, 501
    np.testing.assert_allclose(log_odds(sure)[:, 1], [500 - np.log(classes - 1), 501 - np.log(classes - 1)])
