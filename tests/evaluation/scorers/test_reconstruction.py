# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from monai_anomaly.evaluation import AnomalyMaps, Cases, Context
from monai_anomaly.evaluation.disease import diseased
from monai_anomaly.evaluation.scorers import score_reconstruction, true_differences
from monai_anomaly.metrics import mean_squared_error, structural_similarity


def make_cases(scale: float = 1.0, error: float = 0.1, twins: bool = True) -> Cases:
    """Images in [-scale, scale]; the reconstruction is off by ``error`` of it; every other one is healthy."""
    rng = np.random.default_rng(0)
    cases = Cases(AnomalyMaps.schema)
    for i in range(6):
        twin = rng.uniform(-0.9, 0.5, (1, 20, 20))
        mask = np.zeros((1, 20, 20), bool)
        mask[:, 5:12, 6 : 6 + 2 * (i % 2) * (i + 1)] = True
        image, healthy = twin + 0.4 * mask, twin + error
        fields = {"reconstruction": scale * healthy, "mask": mask, "twin": scale * twin if twins else None}
        cases.append(f"s{i}", image=scale * image, label=i % 2, **fields)
    return cases


def score(cases: Cases, data_range: float) -> dict[str, Any]:
    settings = {"min_lesion_pixels": 1, "data_range": data_range, "background": -data_range / 2}
    return score_reconstruction(cases, Context(lambda values: None, settings))[0]


@pytest.mark.parametrize("scale", [1.0, 0.5, 100.0])
def test_scores_are_in_units_of_minus_one_to_one(scale: float) -> None:
    found, expected = score(make_cases(scale), 2 * scale), score(make_cases(), 2.0)
    assert found["difference_mse"]["value"] == pytest.approx(0.1**2, rel=1e-4) and found["difference_mse"]["n"] == 3
    assert found["change_healthy_mse"]["value"] == pytest.approx(0.1**2, rel=1e-4)
    assert found["change_healthy_mse"]["n"] == 3
    assert found["difference_ssim"]["value"] == pytest.approx(expected["difference_ssim"]["value"], rel=1e-4)


def test_scores_are_those_of_the_differences() -> None:
    cases = make_cases()
    some = np.flatnonzero(diseased(cases))
    d, truth = (cases[key][some] - cases["image"][some] for key in ("reconstruction", "twin"))
    found = score(cases, 2.0)
    assert found["difference_mse"]["value"] == pytest.approx(mean_squared_error(d, truth, 2.0).mean(), rel=1e-4)
    assert found["difference_ssim"]["value"] == pytest.approx(structural_similarity(d, truth, 2.0).mean())
    untouched = score(cases.replace(reconstruction=cases["image"]), 2.0)
    assert untouched["difference_mse"]["value"] == pytest.approx(np.square(truth).mean(), rel=1e-4)


def test_a_perfect_reconstruction() -> None:
    found = score(make_cases(error=0.0), 2.0)
    assert found["difference_mse"]["value"] == found["change_healthy_mse"]["value"] == 0
    assert found["difference_ssim"]["value"] == pytest.approx(1)
    cases = make_cases()
    assert score(cases.replace(reconstruction=cases["image"]), 2.0)["difference_ssim"]["value"] < 0.9


def test_without_twins_there_are_the_changes() -> None:
    found = score(make_cases(twins=False), 2.0)
    assert set(found) == {"change_healthy", "change_diseased", "change_healthy_mse"}
    assert found["change_healthy_mse"]["value"] == pytest.approx(0.1**2, rel=1e-4)


def test_true_differences_are_shares_of_the_range() -> None:
    cases = make_cases(scale=3.0)
    np.testing.assert_allclose(true_differences(cases, 6.0), 0.2 * cases["mask"], atol=1e-6)
    np.testing.assert_allclose(true_differences(cases, 6.0, [0.5]), 0.1 * cases["mask"], atol=1e-6)
    assert not true_differences(cases, 6.0, [-1.0]).any()  # the lesions are brighter, not darker
