# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest

from monai_anomaly.metrics import AnomalyCases, average_otsu, evaluate, trivial_baselines

MapOf = Callable[[np.ndarray, np.ndarray, np.random.Generator], np.ndarray]


def make_cases(seed: int, map_of: MapOf, n: int = 12, healthy: str = "twin", **drop: None) -> AnomalyCases:
    """Slices whose lesion is brighter than the twin by 0.4; every third is healthy."""
    rng = np.random.default_rng(seed)
    cases = AnomalyCases()
    for i in range(n):
        twin = np.pad(0.3 + 0.2 * rng.random((2, 20, 20)), ((0, 0), (2, 2), (2, 2)))
        mask = np.zeros((1, 24, 24), bool)
        if i % 3:
            x, y = rng.integers(4, 14, 2)
            mask[:, x : x + 2 + i // 3, y : y + 4] = True
        image = twin + 0.4 * mask
        fields = {
            "healthy": {"twin": twin, "image": image}.get(healthy),
            "mask": mask,
            "twin": twin,
            "label": int(i % 3 > 0),
        }
        cases.append(image, map_of(image - twin, mask, rng), subject=f"s{i // 4}", slice=i, **{**fields, **drop})
    return cases


def perfect(difference: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.abs(difference).sum(0, keepdims=True)


def inverted(difference: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return 1.0 - mask


def noisy(difference: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return perfect(difference, mask, rng) + np.abs(rng.normal(size=mask.shape))


def test_perfect_map() -> None:
    report = evaluate(make_cases(0, perfect), make_cases(1, perfect))
    scores = report["methods"]["translation"]
    for origin in ("validation", "average_otsu", "per_image_otsu", "average_otsu_truth", "oracle"):
        assert scores["dice"][origin]["value"] == 1 and scores["dice"][origin]["n"] == 8
        assert scores["dice"][origin]["threshold"]["origin"] == origin
    assert scores["image_auroc_map"] == {"value": 1, "n": 12}
    for name in ("pixel_auroc", "pixel_ap"):
        assert scores[name]["per_slice"] == {"value": 1, "sd": 0, "n": 8, "ci95": [1, 1]}
        assert scores[name]["pooled"] == {"value": 1, "n": 12, "pixels": 12 * 24 * 24}


def test_inverted_map() -> None:
    scores = evaluate(make_cases(0, inverted), make_cases(1, inverted))["methods"]["translation"]
    assert scores["pixel_auroc"]["per_slice"]["value"] == 0 and scores["pixel_auroc"]["pooled"]["value"] == 0


@pytest.mark.parametrize("seed", range(3))
def test_oracle_bounds_every_other_threshold_of_a_set(seed: int) -> None:
    baselines = trivial_baselines(["a", "b"], np.zeros((2, 24, 24)))
    report = evaluate(make_cases(seed, noisy), make_cases(seed + 9, noisy), baselines=baselines)
    for scores in report["methods"].values():
        dice = {k: v["value"] for k, v in scores["dice"].items()}
        del dice["per_image_otsu"]  # a threshold for each image may beat the best one for all
        assert dice["oracle"] >= max(dice.values()) - 1e-12


def test_thresholds_come_from_where_they_say() -> None:
    validation, test = make_cases(0, noisy), make_cases(1, noisy)
    dice = evaluate(validation, test)["methods"]["translation"]["dice"]
    assert dice["average_otsu"]["threshold"]["value"] == pytest.approx(average_otsu(test["map"][test.diseased()]))
    assert {k: v["threshold"]["chosen_on"] for k, v in dice.items()} == {
        "average_otsu": "test",
        "per_image_otsu": "test",
        "average_otsu_truth": "true differences of the test set",
        "validation": "validation",
        "healthy_quantile": "validation",
        "oracle": "test",
    }
    swapped = evaluate(test, validation)["methods"]["translation"]["dice"]
    assert swapped["validation"]["threshold"]["value"] == dice["oracle"]["threshold"]["value"]
    without = evaluate(None, test)["methods"]["translation"]["dice"]
    assert list(without) == ["average_otsu", "per_image_otsu", "average_otsu_truth", "oracle"]


def test_threshold_of_the_truth_knows_no_map() -> None:
    test, half = make_cases(1, perfect), make_cases(1, lambda *args: perfect(*args) / 2)

    def value(cases: AnomalyCases, data_range: float = 1.0) -> float | None:
        dice = evaluate(None, cases, data_range=data_range)["methods"]["translation"]["dice"]
        return dice["average_otsu_truth"]["threshold"]["value"] if "average_otsu_truth" in dice else None

    assert value(test) == value(half) == pytest.approx(average_otsu(test["map"][test.diseased()]))
    assert value(test, 2.0) == pytest.approx(value(test) / 2)  # of maps in shares of the range
    assert value(make_cases(1, perfect, twin=None)) is None
    assert value(make_cases(1, perfect, healthy="none")) is None


def test_baseline_and_method_share_one_code_path() -> None:
    channel = make_cases(1, perfect), make_cases(2, perfect)
    report = evaluate(*channel, baselines={"same": lambda x: channel[len(x) == 12]["map"]})
    ours, same = report["methods"]["translation"], report["methods"]["same"]
    assert ours["dice"].pop("average_otsu_truth") and same == ours


def test_twin_as_reconstruction_has_no_error() -> None:
    report = evaluate(None, make_cases(0, perfect), data_range=2.0)
    translation = report["translation"]
    assert translation["twin_mae_lesion"] == {"value": 0, "sd": 0, "n": 8, "ci95": [0, 0]}
    assert translation["twin_ssim"]["value"] == pytest.approx(1)
    assert translation["input_twin_mae_lesion"]["value"] == pytest.approx(0.4 / 2)
    assert translation["change_healthy_slices"] == {"value": 0, "sd": 0, "n": 4, "ci95": [0, 0]}
    assert translation["change_diseased_slices"]["value"] > 0


def test_input_as_reconstruction_changes_nothing() -> None:
    translation = evaluate(None, make_cases(0, perfect, healthy="image"))["translation"]
    assert translation["twin_mae_brain"] == translation["input_twin_mae_brain"]
    assert translation["change_diseased_slices"]["value"] == 0


def test_report_is_plain_json_with_a_row_a_slice() -> None:
    report = evaluate(make_cases(0, noisy), make_cases(1, noisy, n=7), baselines=trivial_baselines(["a", "b"]))
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert len(report["cases"]) == 7 and len({tuple(row) for row in report["cases"]}) == 1
    row = report["cases"][0]  # healthy
    assert row["dice_oracle"] is None and row["lesion_pixels"] == 0 and row["diseased"] is False
    assert report["counts"]["test"] == {
        "slices": 7,
        "diseased": 4,
        "healthy": 3,
        "subjects": 2,
        "pixels_per_slice": 576,
    }


def test_small_lesions_can_be_left_out() -> None:
    test = make_cases(0, noisy)
    some = int(np.median(test.lesion_pixels[test.lesion_pixels > 0])) + 1
    report = evaluate(None, test, min_lesion_pixels=some)
    assert report["methods"]["translation"]["dice"]["oracle"]["n"] == int((test.lesion_pixels >= some).sum()) < 8


def test_without_masks_only_images_are_scored() -> None:
    report = evaluate(make_cases(0, perfect, mask=None), make_cases(1, perfect, mask=None, twin=None))
    assert report["methods"]["translation"] == {"image_auroc_map": {"value": 1.0, "n": 12}}
    changes = {"change_healthy_slices", "change_diseased_slices", "change_healthy_mse"}
    assert set(report["translation"]) == changes


def test_method_without_maps_is_scored_by_its_classifier_only() -> None:
    test = make_cases(1, lambda *_: None, n=6, healthy="none", score=0.4)
    report = evaluate(make_cases(0, lambda *_: None), test, baselines=trivial_baselines(["a", "b"]))
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert set(report["methods"]["translation"]) == {
        "image_auroc_classifier",
        "image_accuracy_classifier",
        "image_kappa_classifier",
    }
    assert "dice" in report["methods"]["intensity a"] and "comparisons" not in report
    assert report["counts"]["test"]["pixels_per_slice"] == 576
    mapless = evaluate(make_cases(0, lambda *_: None), make_cases(1, noisy))["methods"]["translation"]
    assert "validation" not in mapless["dice"] and "oracle" in mapless["dice"]


def test_classifier_scores() -> None:
    report = evaluate(None, make_cases(1, perfect, score=0.5))
    assert report["methods"]["translation"]["image_auroc_classifier"] == {"value": 0.5, "n": 12}


def means(report: dict) -> list[dict]:
    """Every mean over slices of a report."""
    scores = report["methods"].values()
    found = [
        d for s in scores for d in [*s["dice"].values(), s["pixel_auroc"]["per_slice"], s["pixel_ap"]["per_slice"]]
    ]
    return (
        found + list(report["translation"].values()) + [d for c in report["comparisons"].values() for d in c.values()]
    )


def test_every_mean_over_slices_lies_in_its_interval() -> None:
    report = evaluate(make_cases(0, noisy), make_cases(1, noisy, n=24), baselines=trivial_baselines(["a", "b"]))
    assert len(means(report)) == 3 * 7 + 1 + 13 + 2 * 2
    for mean in means(report):
        low, high = mean["ci95"]
        assert low <= mean["value"] <= high
    dice = report["methods"]["translation"]["dice"]["validation"]
    assert dice["ci95"][0] < dice["ci95"][1]


def test_intervals_follow_the_seed_and_can_be_left_out() -> None:
    def dice(**options: int) -> list[float] | None:
        report = evaluate(None, make_cases(1, noisy, n=24), **options)
        return report["methods"]["translation"]["dice"]["oracle"]["ci95"]

    assert dice() == dice(bootstrap_seed=0) != dice(bootstrap_seed=1)
    assert dice(resamples=0) is None


def test_one_subject_has_no_interval() -> None:
    one = evaluate(make_cases(0, noisy), make_cases(1, noisy, n=4), baselines=trivial_baselines(["a", "b"]))
    assert all(mean["ci95"] is None for mean in means(one))


def test_method_and_baselines_are_compared_slice_by_slice() -> None:
    validation, test = make_cases(0, perfect), make_cases(1, perfect)
    maps = {cases["image"].tobytes(): cases["map"] for cases in (validation, test)}
    baselines = {"same": lambda x: maps[x.tobytes()], **trivial_baselines(["a", "b"])}
    report = evaluate(validation, test, baselines=baselines)
    for key in ("dice_validation", "pixel_ap"):
        assert report["comparisons"]["same"][key] == {"value": 0, "sd": 0, "n": 8, "ci95": [0, 0]}
    theirs = report["methods"]["intensity a"]["dice"]["validation"]["value"]
    assert report["comparisons"]["intensity a"]["dice_validation"]["value"] == pytest.approx(1 - theirs)
    without = evaluate(None, test, baselines=trivial_baselines(["a", "b"]))
    assert set(without["comparisons"]["intensity a"]) == {"pixel_ap"}
