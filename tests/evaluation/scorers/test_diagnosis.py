# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from functools import partial

import numpy as np

from monai_anomaly.evaluation import AnomalyMaps, Cases, Context
from monai_anomaly.evaluation.scorers import score_diagnosis
from monai_anomaly.metrics import cluster_bootstrap

SETTINGS = {"min_lesion_pixels": 1}


def make_cases(probabilities: list[float | None], labels: list[int | None]) -> Cases:
    cases = Cases(AnomalyMaps.schema)
    for i, (probability, label) in enumerate(zip(probabilities, labels, strict=True)):
        cases.append(f"s{i}", image=np.zeros((1, 4, 4)), label=label, probability=probability)
    return cases


def test_scores_of_images() -> None:
    cases = make_cases([0.1, 0.6, 0.9, 0.7, None, 0.2], [0, 0, 1, 1, 1, None])
    context = Context(partial(cluster_bootstrap, clusters=cases["subject"]), SETTINGS)
    summary, columns = score_diagnosis(cases, context)
    assert summary["image_auroc_classifier"] == {"value": 1, "n": 4}
    accuracy = summary["image_accuracy_classifier"]
    assert (accuracy["value"], accuracy["n"]) == (0.75, 4) and accuracy["ci95"][0] < 0.75 < accuracy["ci95"][1]
    assert summary["image_kappa_classifier"] == {"value": 0.5, "n": 4}
    np.testing.assert_array_equal(columns["classifier_probability"], cases["probability"])


def test_no_probabilities_no_summary() -> None:
    assert score_diagnosis(make_cases([None, None], [0, 1]), Context(lambda values: None, SETTINGS)) == ({}, {})
