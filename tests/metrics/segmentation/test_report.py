# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from monai_anomaly.metrics import SegmentationCases, evaluate_segmentation, overlap_scores
from monai_anomaly.utils import DataError

from .blobs import disc, make_blobs

CHANNELS = ["t1", "flair"]


def evaluate(test: SegmentationCases, validation: Any = None, **options: Any) -> dict[str, Any]:
    regions = [f"r{k}" for k in range(test.num_regions)] if test.num_regions > 1 else ["lesion"]
    return evaluate_segmentation(validation, test, regions, CHANNELS, **{"resamples": 100, **options})


def test_report_is_plain_json_with_a_row_a_slice() -> None:
    report = evaluate(make_blobs(regions=2), make_blobs(1, regions=2))
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert len(report["cases"]) == 9 and len({tuple(row) for row in report["cases"]}) == 1
    assert list(report["regions"]) == ["r0", "r1"]
    healthy, diseased = report["cases"][:2]
    assert healthy["dice_r0"] is None and healthy["lesion_pixels_r0"] == 0 and diseased["dice_r1 (1 sample)"] > 0
    assert report["counts"]["samples"] == 5 and report["regions"]["r0"]["counts"]["with_lesion"] == 6


def test_one_sample_and_the_baseline_stand_beside_the_ensemble() -> None:
    region = evaluate(make_blobs(n=30, wobble=2.0), make_blobs(1))["regions"]["lesion"]
    methods = region["methods"]
    assert list(methods) == ["ensemble of 5", "1 sample", "threshold"]
    assert methods["threshold"]["channel"] == "flair" and methods["threshold"]["threshold"]["origin"] == "validation"
    for name, paired in region["comparisons"].items():
        difference = methods["ensemble of 5"]["dice"]["value"] - methods[name]["dice"]["value"]
        assert paired["dice"]["value"] == pytest.approx(difference) and paired["dice"]["n"] == 20
    assert region["comparisons"]["1 sample"]["dice"]["value"] > 0
    curve = region["dice_by_samples"]
    assert [point["samples"] for point in curve] == [1, 2, 3, 4, 5]
    assert curve[-1]["value"] == methods["ensemble of 5"]["dice"]["value"]


def test_one_sample_is_the_mean_of_all_samples() -> None:
    cases = make_blobs(wobble=2.0)
    scores = evaluate(cases)["regions"]["lesion"]["methods"]["1 sample"]
    each = [overlap_scores(cases["samples"][:, i, 0], cases["mask"][:, 0]) for i in range(5)]
    assert scores["dice"]["value"] == pytest.approx(np.nanmean([e["dice"] for e in each]))
    assert scores["empty"]["value"] == pytest.approx(np.nansum([e["empty"] for e in each]) / 5)


@pytest.mark.parametrize("options", [{"keep": False}, {"samples": 1}])
def test_a_single_network_has_one_row(options: dict) -> None:
    region = evaluate(make_blobs(**options), method="SegNet")["regions"]["lesion"]
    assert list(region["methods"]) == ["SegNet"] and region["comparisons"] == {}
    assert "dice_by_samples" not in region


def test_dataset_items_choose_the_threshold_as_cases_do() -> None:
    test, validation = make_blobs(), make_blobs(1)
    items = [{"image": i, "mask": m} for i, m in zip(validation["image"], validation["mask"], strict=True)]
    assert evaluate(test, items) == evaluate(test, validation)
    assert "threshold" not in evaluate(test, items[:1])["regions"]["lesion"]["methods"]


def test_perfect_predictions() -> None:
    region = evaluate(make_blobs(wobble=0.0))["regions"]["lesion"]
    for scores in region["methods"].values():
        assert scores["dice"] == {"value": 1, "sd": 0, "n": 6, "ci95": [1, 1]}
        assert scores["hd95"]["value"] == 0 and scores["empty"] == {"value": 0, "n": 6}
        assert scores["flagged_slices"]["value"] == 0 and scores["flagged_slices"]["n"] == 3
    assert region["calibration"]["ece"]["value"] == region["calibration"]["brier"]["value"] == 0
    assert region["uncertainty"]["aurc"]["value"] == 0 and region["uncertainty"]["error_auroc"]["value"] is None


def test_empty_predictions_and_false_alarms_are_counted() -> None:
    lesion, nothing = disc(16, 8, 8, 4)[None], np.zeros((1, 16, 16), bool)
    cases = SegmentationCases()
    for i, (truth, predicted) in enumerate(
        [(lesion, lesion), (lesion, nothing), (nothing, lesion), (nothing, nothing)]
    ):
        cases.append(np.ones((2, 16, 16)), predicted, truth, subject=f"s{i}")
    scores = evaluate(cases, method="net")["regions"]["lesion"]["methods"]["net"]
    assert (scores["dice"]["value"], scores["dice"]["n"]) == (0.5, 2)
    assert (scores["dice_without_empty"]["value"], scores["dice_without_empty"]["n"]) == (1, 1)
    assert scores["empty"] == {"value": 1, "n": 2} and scores["hd95"]["n"] == 1
    assert scores["flagged_slices"]["value"] == 0.5
    assert scores["flagged_pixels"]["value"] == pytest.approx(lesion.mean() / 2)


def test_pixels_outside_of_the_brain_are_left_out() -> None:
    cases = make_blobs(wobble=2.0)
    inside = evaluate(cases)
    everywhere = evaluate(cases, background=-1.0)
    assert inside["counts"]["brain_pixels"] < everywhere["counts"]["brain_pixels"] == 9 * 32 * 32
    errors = [report["regions"]["lesion"]["calibration"] for report in (inside, everywhere)]
    assert errors[0]["brier"]["value"] > errors[1]["brier"]["value"] > 0
    assert errors[0]["ece"]["pixels"] == inside["counts"]["brain_pixels"]
    assert sum(row["count"] for row in errors[0]["bins"]) == errors[0]["ece"]["pixels"]


def test_distances_are_in_mm() -> None:
    hd95 = [evaluate(make_blobs(), spacing=s)["regions"]["lesion"]["methods"]["1 sample"]["hd95"] for s in (1.0, 2)]
    assert hd95[1]["value"] == pytest.approx(2 * hd95[0]["value"])
    assert evaluate(make_blobs(), spacing=(1, 2))["settings"]["spacing_mm"] == [1.0, 2.0]


def test_intervals_are_of_subjects_and_follow_the_seed() -> None:
    def dice(**options: int) -> list[float] | None:
        methods = evaluate(make_blobs(n=30, wobble=2.0), **options)["regions"]["lesion"]["methods"]
        return methods["ensemble of 5"]["dice"]["ci95"]

    assert dice() == dice(bootstrap_seed=0) != dice(bootstrap_seed=1)
    assert dice(resamples=0) is None


def test_names_must_fit() -> None:
    with pytest.raises(DataError, match="Expected 1 region names"):
        evaluate_segmentation(None, make_blobs(), ["a", "b"], CHANNELS)
    with pytest.raises(DataError, match="Expected 2 channel names"):
        evaluate_segmentation(None, make_blobs(), ["a"], ["t1"])
