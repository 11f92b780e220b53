# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from monai_anomaly.evaluation import Cases, Segmentation, evaluate_cases
from monai_anomaly.metrics import ExpectedDiceThreshold, above, dice_per_slice, overlap_scores
from monai_anomaly.utils import DataError

from ..blobs import disc, make_blobs


def evaluate(test: Cases, validation: Any = None, method: str = "ensemble", **options: Any) -> dict[str, Any]:
    bootstrap = {key: options.pop(key) for key in ("resamples", "bootstrap_seed") if key in options}
    count = test["mask"].shape[1]
    task = Segmentation(["t1", "flair"], [f"r{k}" for k in range(count)], **options)
    return evaluate_cases(task, test, validation, method=method, **{"resamples": 100, **bootstrap})


def part(*args: Any, **options: Any) -> dict[str, Any]:
    return evaluate(*args, **options)["parts"]["r0"]


def test_report_is_plain_json_with_a_row_per_case() -> None:
    report = evaluate(make_blobs(regions=2), make_blobs(1, regions=2))
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert len(report["cases"]) == 9 and len({tuple(row) for row in report["cases"]}) == 1
    assert list(report["parts"]) == ["r0", "r1"]
    healthy, diseased = report["cases"][:2]
    assert healthy["dice_r0"] is None and healthy["lesion_pixels_r0"] == 0 and diseased["dice_r1 (1 sample)"] > 0
    assert report["parts"]["r0"]["counts"] == {"with_lesion": 6, "without_lesion": 3}


def test_one_sample_and_the_baseline_stand_beside_the_ensemble() -> None:
    found = part(make_blobs(n=30, wobble=2.0), make_blobs(1))
    methods = found["methods"]
    assert list(methods) == ["ensemble of 5", "1 sample", "threshold"]
    about = found["about"]["threshold"]
    assert about["channel"] == "flair" and about["threshold"]["origin"] == "validation"
    for name, paired in found["comparisons"].items():
        difference = methods["ensemble of 5"]["dice"]["value"] - methods[name]["dice"]["value"]
        assert paired["dice"]["value"] == pytest.approx(difference) and paired["dice"]["n"] == 20
    assert found["comparisons"]["1 sample"]["dice"]["value"] > 0
    curve = methods["ensemble of 5"]["dice"]["by_samples"]
    assert [point["samples"] for point in curve] == [1, 2, 3, 4, 5]
    assert curve[-1]["value"] == methods["ensemble of 5"]["dice"]["value"]


def test_one_sample_is_the_mean_of_all_samples() -> None:
    cases = make_blobs(wobble=2.0)
    scores = part(cases)["methods"]["1 sample"]
    each = [overlap_scores(cases["samples"][:, i, 0], cases["mask"][:, 0]) for i in range(5)]
    assert scores["dice"]["value"] == pytest.approx(np.nanmean([e["dice"] for e in each]))
    assert scores["empty"]["value"] == pytest.approx(np.nansum([e["empty"] for e in each]) / 5)
    assert "ece" not in scores  # calibration is that of the mean


@pytest.mark.parametrize("options", [{"keep": False}, {"samples": 1}])
def test_a_single_network_has_one_row(options: dict) -> None:
    found = part(make_blobs(**options), method="SegNet")
    assert list(found["methods"]) == ["SegNet"] and found["comparisons"] == {}
    assert "by_samples" not in found["methods"]["SegNet"]["dice"]


def test_dataset_items_choose_the_threshold_as_cases_do() -> None:
    test, validation = make_blobs(), make_blobs(1)
    items = [{"image": i, "mask": m} for i, m in zip(validation["image"], validation["mask"], strict=True)]
    assert part(test, items)["methods"]["threshold"] == part(test, validation)["methods"]["threshold"]
    assert "threshold" not in part(test, items[:1])["methods"]


def faint(test: Cases, factor: float = 0.5) -> Cases:
    """The cases of a method that is never sure: its probabilities are lower than they should be."""
    return test.replace(mean=factor * test["mean"], samples=factor * test["samples"].astype(np.float32))


@pytest.mark.parametrize("regions", [1, 2])
def test_threshold_of_mean_and_samples_is_the_one_with_the_best_dice_on_validation(regions: int) -> None:
    test, validation = (make_blobs(seed, n=30, wobble=2.0, soft=True, regions=regions) for seed in (0, 1))
    sure, unsure = evaluate(test, validation), evaluate(faint(test), faint(validation))
    for name in ("ensemble of 5", "1 sample"):
        for region in sure["parts"]:
            mine, theirs = (report["parts"][region] for report in (sure, unsure))
            value, half = (found["about"]["ensemble of 5"]["threshold"]["value"] for found in (mine, theirs))
            assert half == pytest.approx(value / 2, rel=1e-4) and "1 sample" not in mine["about"]
            for score in ("dice", "hd95", "empty", "flagged_cases"):
                assert theirs["methods"][name][score]["value"] == mine["methods"][name][score]["value"]
    chosen = Segmentation(["t1", "flair"], ["r0", "r1"][:regions]).threshold(sure)
    assert chosen["origin"] == chosen["chosen_on"] == "validation"
    maps, masks = validation["mean"], validation["mask"]
    grid = np.linspace(0.02, 0.98, 49)
    dice = [np.nanmean(overlap_scores((maps > t).reshape(-1, 32, 32), masks.reshape(-1, 32, 32))["dice"]) for t in grid]
    assert sure["parts"]["r0"]["about"]["ensemble of 5"]["validation_dice"] >= max(dice) - 1e-6


def test_without_means_of_validation_cases_or_with_one_given_the_threshold_is_fixed() -> None:
    test, validation = make_blobs(soft=True), make_blobs(1, soft=True)
    items = [{"image": i, "mask": m} for i, m in zip(validation["image"], validation["mask"], strict=True)]
    half = evaluate(test, validation, mean_threshold=0.5)
    assert Segmentation(["t1", "flair"], ["r0"]).threshold(half) == {"value": 0.5, "origin": "given"}
    for report in (evaluate(test), evaluate(test, items)):
        own = report["parts"]["r0"]["methods"]["ensemble of 5"]
        assert own == half["parts"]["r0"]["methods"]["ensemble of 5"]
        assert Segmentation(["t1", "flair"], ["r0"]).threshold(report) is None
    assert own["dice"]["value"] != part(test, mean_threshold=0.9)["methods"]["ensemble of 5"]["dice"]["value"]


def test_every_map_has_its_own_threshold_by_the_rule_of_the_expected_dice() -> None:
    test, validation = (make_blobs(seed, n=30, wobble=2.0, soft=True, regions=2) for seed in (0, 1))
    report = evaluate(test, validation, mean_threshold="expected_dice", presence=0.3)
    rule = ExpectedDiceThreshold(0.3)
    for k, found in enumerate(report["parts"].values()):
        own, one = (found["methods"][name] for name in ("ensemble of 5", "1 sample"))
        mean, truth = test["mean"][:, k], test["mask"][:, k]
        assert own["dice"]["value"] == pytest.approx(np.nanmean(dice_per_slice(above(mean, rule), truth)))
        members = [dice_per_slice(above(test["samples"][:, i, k], rule), truth) for i in range(5)]
        assert one["dice"]["value"] == pytest.approx(np.nanmean(members))
        assert own["dice"]["by_samples"][-1]["value"] == pytest.approx(own["dice"]["value"])
        about = found["about"]["ensemble of 5"]
        both = [dice_per_slice(above(validation["mean"][:, j], rule), validation["mask"][:, j]) for j in range(2)]
        assert about["validation_dice"] == pytest.approx(np.nanmean(both))
    task = Segmentation(["t1", "flair"], ["r0", "r1"], mean_threshold="expected_dice", presence=0.3)
    assert task.threshold(report) == {"rule": "expected_dice", "value": 0.3, "origin": "given"}
    assert "above half of the expected Dice of each case, nothing where none exceeds 0.3" in str(task.tables(report)[0])
    alone = evaluate(test, mean_threshold="expected_dice", presence=0.3)  # no masks are needed
    assert alone["parts"]["r0"]["methods"]["ensemble of 5"] == report["parts"]["r0"]["methods"]["ensemble of 5"]


@pytest.mark.parametrize("setting", [{"mean_threshold": "otsu"}, {"mean_threshold": "expected_dice", "presence": 7}])
def test_a_mistake_in_the_threshold_shows_before_the_training(setting: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(reversed(setting))):
        Segmentation(["t1"], ["lesion"], **setting)


def test_a_method_that_found_nothing_on_validation_is_not_turned_into_one_that_finds_everything() -> None:
    found = part(faint(make_blobs(), 0.0), faint(make_blobs(1), 0.0))
    assert found["about"]["ensemble of 5"]["threshold"]["value"] == 0
    assert found["methods"]["ensemble of 5"]["empty"]["value"] == 6


def test_perfect_predictions() -> None:
    methods = part(make_blobs(wobble=0.0))["methods"]
    for scores in methods.values():
        assert {k: scores["dice"][k] for k in ("value", "sd", "n", "ci95")} == {
            "value": 1,
            "sd": 0,
            "n": 6,
            "ci95": [1, 1],
        }
        assert scores["hd95"]["value"] == 0 and scores["empty"] == {"value": 0, "n": 6}
        assert scores["flagged_cases"]["value"] == 0 and scores["flagged_cases"]["n"] == 3
    scores = methods["ensemble of 5"]
    assert scores["ece"]["value"] == scores["brier"]["value"] == scores["aurc"]["value"] == 0
    assert scores["error_auroc"]["value"] is None


def test_empty_predictions_and_false_alarms_are_counted() -> None:
    lesion, nothing = disc(16, 8, 8, 4)[None], np.zeros((1, 16, 16), bool)
    cases = Cases(Segmentation.schema)
    pairs = [(lesion, lesion), (lesion, nothing), (nothing, lesion), (nothing, nothing)]
    for i, (truth, predicted) in enumerate(pairs):
        cases.append(f"s{i}", image=np.ones((2, 16, 16)), mean=predicted, mask=truth)
    scores = part(cases, method="net")["methods"]["net"]
    assert (scores["dice"]["value"], scores["dice"]["n"]) == (0.5, 2)
    assert (scores["dice_without_empty"]["value"], scores["dice_without_empty"]["n"]) == (1, 1)
    assert scores["empty"] == {"value": 1, "n": 2} and scores["hd95"]["n"] == 1
    assert scores["flagged_cases"]["value"] == 0.5
    assert scores["flagged_pixels"]["value"] == pytest.approx(lesion.mean() / 2)


def test_pixels_outside_of_the_brain_are_left_out() -> None:
    cases = make_blobs(wobble=2.0)
    inside, everywhere = evaluate(cases), evaluate(cases, background=-1.0)
    pixels = inside["counts"]["test"]["brain_pixels"]
    assert pixels < everywhere["counts"]["test"]["brain_pixels"] == 9 * 32 * 32
    near, far = (report["parts"]["r0"]["methods"]["ensemble of 5"] for report in (inside, everywhere))
    assert near["brier"]["value"] > far["brier"]["value"] > 0
    assert near["ece"]["pixels"] == pixels == sum(row["count"] for row in near["ece"]["bins"])


def test_distances_are_in_mm() -> None:
    hd95 = [part(make_blobs(), spacing=s)["methods"]["1 sample"]["hd95"]["value"] for s in (1.0, 2, (2, 2))]
    assert hd95[1] == hd95[2] == pytest.approx(2 * hd95[0])


def test_intervals_are_of_subjects_and_follow_the_seed() -> None:
    def dice(**options: int) -> list[float] | None:
        return part(make_blobs(n=30, wobble=2.0), **options)["methods"]["ensemble of 5"]["dice"]["ci95"]

    assert dice() == dice(bootstrap_seed=0) != dice(bootstrap_seed=1)
    assert dice(resamples=0) is None


def test_names_must_fit() -> None:
    with pytest.raises(DataError, match="Expected 1 region names"):
        evaluate_cases(Segmentation(["t1", "flair"], ["a", "b"]), make_blobs())
    with pytest.raises(DataError, match="Expected 2 channel names"):
        evaluate_cases(Segmentation(["t1"], ["a"]), make_blobs())
