# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from monai_anomaly.metrics import AnomalyCases, cluster_bootstrap, cohen_kappa
from monai_anomaly.metrics.classification import score_classification


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


def test_kappa_of_equal_classes_is_twice_the_accuracy_less_one() -> None:
    # thesis ch. 6, Table 2: 200 images of each class, accuracy 0.8975, kappa 0.795
    said, true = of_table(180, 21, 20, 179)
    assert (said == true).mean() == 0.8975 and cohen_kappa(said, true) == pytest.approx(0.795)


def test_kappa_is_unknown_without_two_classes() -> None:
    assert np.isnan(cohen_kappa(np.ones(3), np.ones(3))) and np.isnan(cohen_kappa(np.zeros(0), np.zeros(0)))
    assert cohen_kappa(np.ones(4), of_table(2, 2, 0, 0)[1]) == 0


def make_cases(scores: list[float | None], labels: list[int | None]) -> AnomalyCases:
    cases = AnomalyCases()
    for i, (score, label) in enumerate(zip(scores, labels, strict=True)):
        cases.append(np.zeros((1, 4, 4)), label=label, score=score, subject=f"s{i}")
    return cases


def test_scores_of_images() -> None:
    cases = make_cases([0.1, 0.6, 0.9, 0.7, None, 0.2], [0, 0, 1, 1, 1, None])
    interval = partial(cluster_bootstrap, clusters=cases["subject"])
    summary, columns = score_classification(cases, 1, interval)
    assert summary["image_auroc_classifier"] == {"value": 1, "n": 4}
    accuracy = summary["image_accuracy_classifier"]
    assert (accuracy["value"], accuracy["n"]) == (0.75, 4) and accuracy["ci95"][0] < 0.75 < accuracy["ci95"][1]
    assert summary["image_kappa_classifier"] == {"value": 0.5, "n": 4}
    np.testing.assert_array_equal(columns["classifier_score"], cases["score"])


def test_no_scores_no_summary() -> None:
    assert score_classification(make_cases([None, None], [0, 1]), 1, lambda values: None) == ({}, {})
