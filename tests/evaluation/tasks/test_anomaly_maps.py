# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from monai_anomaly.evaluation import AnomalyMaps, Cases, evaluate_cases
from monai_anomaly.evaluation.disease import diseased, healthy, lesion_pixels
from monai_anomaly.metrics import average_otsu

from ..lesions import inverted, make_lesions, no_map, noisy, perfect

TRAINING = [{"image": np.zeros((2, 24, 24)), "label": 0}]


def evaluate(test: Cases, validation: Cases | None = None, training: Any = None, **options: Any) -> dict[str, Any]:
    """Report with the bootstrap's arguments; the others are the task's."""
    bootstrap = {key: options.pop(key) for key in ("resamples", "bootstrap_seed") if key in options}
    return evaluate_cases(AnomalyMaps(["a", "b"], **options), test, validation, training, method="ours", **bootstrap)


def methods(report: dict[str, Any]) -> dict[str, Any]:
    return report["parts"]["all"]["methods"]


def own(*sets: Cases | None, **options: Any) -> dict[str, Any]:
    return methods(evaluate(*sets, **options))["ours"]


def thresholds(scores: dict[str, Any]) -> dict[str, Any]:
    return {key.removeprefix("dice_"): entry["threshold"] for key, entry in scores.items() if "threshold" in entry}


def test_perfect_map() -> None:
    scores = own(make_lesions(1, perfect), make_lesions(0, perfect))
    for origin in ("validation", "average_otsu", "per_image_otsu", "average_otsu_truth", "oracle"):
        entry = scores[f"dice_{origin}"]
        assert (entry["value"], entry["n"], entry["threshold"]["origin"]) == (1, 8, origin)
    assert scores["image_auroc_map"] == {"value": 1, "n": 12}
    for name in ("pixel_auroc", "pixel_ap"):
        assert scores[name] == {"value": 1, "sd": 0, "n": 8, "ci95": [1, 1]}
        assert scores[f"{name}_pooled"] == {"value": 1, "n": 12, "pixels": 12 * 24 * 24}


def test_inverted_map() -> None:
    scores = own(make_lesions(1, inverted))
    assert scores["pixel_auroc"]["value"] == 0 and scores["pixel_auroc_pooled"]["value"] == 0


@pytest.mark.parametrize("seed", range(3))
def test_oracle_bounds_every_other_threshold_of_a_set(seed: int) -> None:
    report = evaluate(make_lesions(seed + 9, noisy), make_lesions(seed, noisy), TRAINING)
    scored = [scores for scores in methods(report).values() if "dice_oracle" in scores]
    assert len(scored) == 4
    for scores in scored:
        dice = {name: scores[f"dice_{name}"]["value"] for name in thresholds(scores)}
        del dice["per_image_otsu"]  # a threshold for each image may beat the best one for all
        assert dice["oracle"] >= max(dice.values()) - 1e-12


def test_thresholds_come_from_where_they_say() -> None:
    validation, test = make_lesions(0, noisy), make_lesions(1, noisy)
    chosen = thresholds(own(test, validation))
    assert chosen["average_otsu"]["value"] == pytest.approx(average_otsu(test["map"][diseased(test)]))
    assert {name: threshold["chosen_on"] for name, threshold in chosen.items()} == {
        "average_otsu": "test",
        "per_image_otsu": "test",
        "average_otsu_truth": "true differences of the test set",
        "validation": "validation",
        "healthy_quantile": "validation",
        "oracle": "test",
    }
    swapped = thresholds(own(validation, test))
    assert swapped["validation"]["value"] == chosen["oracle"]["value"]
    assert list(thresholds(own(test))) == ["average_otsu", "per_image_otsu", "average_otsu_truth", "oracle"]


def test_threshold_of_the_truth_knows_no_map() -> None:
    test, half = make_lesions(1, perfect), make_lesions(1, lambda *args: perfect(*args) / 2)

    def value(cases: Cases, data_range: float = 1.0) -> float | None:
        return thresholds(own(cases, data_range=data_range)).get("average_otsu_truth", {}).get("value")

    assert value(test) == value(half) == pytest.approx(average_otsu(test["map"][diseased(test)]))
    assert value(test, 2.0) == pytest.approx(value(test) / 2)  # of maps in shares of the range
    assert value(make_lesions(1, perfect, twin=None)) is None
    assert value(make_lesions(1, perfect, reconstruction="none")) is None


def test_baseline_and_method_are_scored_alike() -> None:
    """A method whose map is a channel of the image scores what the baseline of this channel does."""
    sets = [make_lesions(seed, noisy, reconstruction="none") for seed in (1, 2)]
    report = evaluate(*(cases.replace(map=cases["image"][:, 1:].astype(np.float32)) for cases in sets), border=2)
    assert methods(report)["ours"] == methods(report)["intensity b"]
    for paired in report["parts"]["all"]["comparisons"]["intensity b"].values():
        assert paired == {"value": 0, "sd": 0, "n": 8, "ci95": [0, 0]}


def test_rim_of_the_brain_ranks_last() -> None:
    def rim_alone(difference: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        rim = np.ones(mask.shape)
        rim[:, 4:-4, 4:-4] = 0
        return perfect(difference, mask, rng) + 5 * rim

    far = [own(make_lesions(1, rim_alone), border=border)["dice_oracle"]["value"] for border in (0, 2)]
    assert far[0] < 0.7 and far[1] > 0.99


def test_twin_as_reconstruction_has_no_error() -> None:
    found = methods(evaluate(make_lesions(0, perfect), data_range=2.0))
    scores, untouched = found["ours"], found["input untouched"]
    assert scores["twin_mae_lesion"] == {"value": 0, "sd": 0, "n": 8, "ci95": [0, 0]}
    assert scores["twin_ssim"]["value"] == pytest.approx(1)
    assert untouched["twin_mae_lesion"]["value"] == pytest.approx(0.4 / 2)
    assert scores["change_healthy"] == {"value": 0, "sd": 0, "n": 4, "ci95": [0, 0]}
    assert scores["change_diseased"]["value"] > 0 == untouched["change_diseased"]["value"]


def test_input_as_reconstruction_is_the_input_untouched() -> None:
    found = methods(evaluate(make_lesions(0, perfect, reconstruction="image")))
    assert all(found["ours"][name] == entry for name, entry in found["input untouched"].items())


def test_report_is_plain_json_with_a_row_per_case() -> None:
    report = evaluate(make_lesions(1, noisy, n=7), make_lesions(0, noisy), TRAINING)
    assert json.loads(json.dumps(report, allow_nan=False))["parts"] == report["parts"]
    assert len(report["cases"]) == 7 and len({tuple(row) for row in report["cases"]}) == 1
    row = report["cases"][0]  # healthy
    assert row["dice_oracle"] is None and row["lesion_pixels"] == 0 and row["diseased"] is False
    assert report["cases"][1]["dice_validation (intensity a)"] is not None
    assert report["counts"]["test"] == {
        "cases": 7,
        "subjects": 2,
        "diseased": 4,
        "healthy": 3,
        "pixels_per_case": 576,
    }


def test_who_is_diseased_and_who_healthy() -> None:
    cases = Cases(AnomalyMaps.schema)
    for pixels, label in ((0, 0), (0, 1), (3, 1), (10, 1)):
        mask = np.zeros(20)
        mask[:pixels] = 1
        cases.append(image=np.ones((2, 4, 5)), mask=mask.reshape(1, 4, 5), label=label)
    assert list(lesion_pixels(cases)) == [0, 0, 3, 10]
    assert list(diseased(cases)) == [False, False, True, True]
    assert list(diseased(cases, 5)) == [False, False, False, True]
    assert list(healthy(cases)) == [True, False, False, False]
    without = cases.replace(mask=None)
    assert list(diseased(without)) == [False, True, True, True] and list(healthy(without)) == [True] + 3 * [False]
    unknown = Cases(AnomalyMaps.schema)
    unknown.append(image=np.ones((2, 4, 5)))
    assert not diseased(unknown).any() and not healthy(unknown).any()


def test_small_lesions_can_be_left_out() -> None:
    test = make_lesions(0, noisy)
    sizes = lesion_pixels(test)
    some = int(np.median(sizes[sizes > 0])) + 1
    assert own(test, min_lesion_pixels=some)["dice_oracle"]["n"] == int((sizes >= some).sum()) < 8


def test_without_masks_only_images_are_scored() -> None:
    scores = own(make_lesions(1, perfect, mask=None, twin=None), make_lesions(0, perfect, mask=None))
    assert scores["image_auroc_map"] == {"value": 1.0, "n": 12}
    assert set(scores) == {"image_auroc_map", "change_healthy", "change_diseased", "change_healthy_mse"}


def test_method_without_maps_is_scored_by_its_classifier_only() -> None:
    test = make_lesions(1, no_map, n=6, reconstruction="none", probability=0.4)
    report = evaluate(test, make_lesions(0, no_map))
    assert set(methods(report)["ours"]) == {
        "image_auroc_classifier",
        "image_accuracy_classifier",
        "image_kappa_classifier",
    }
    assert "dice_oracle" in methods(report)["intensity a"] and report["parts"]["all"]["comparisons"] == {}
    assert report["counts"]["test"]["pixels_per_case"] == 576
    mapless = own(make_lesions(1, noisy), make_lesions(0, no_map))
    assert "dice_validation" not in mapless and "dice_oracle" in mapless


def test_a_classifier_that_does_not_know() -> None:
    assert own(make_lesions(1, perfect, probability=0.5))["image_auroc_classifier"] == {"value": 0.5, "n": 12}


def means(report: dict[str, Any]) -> list[dict[str, Any]]:
    part = report["parts"]["all"]
    scores = [*part["methods"].values(), *part["comparisons"].values()]
    return [entry for found in scores for entry in found.values() if "sd" in entry]


def test_every_mean_over_cases_lies_in_its_interval() -> None:
    report = evaluate(make_lesions(1, noisy, n=24), make_lesions(0, noisy))
    assert len(means(report)) > 30
    for mean in means(report):
        low, high = mean["ci95"]
        assert low <= mean["value"] <= high
    low, high = methods(report)["ours"]["dice_validation"]["ci95"]
    assert low < high


def test_intervals_follow_the_seed_and_can_be_left_out() -> None:
    def dice(**options: int) -> list[float] | None:
        return own(make_lesions(1, noisy, n=24), **options)["dice_oracle"]["ci95"]

    assert dice() == dice(bootstrap_seed=0) != dice(bootstrap_seed=1)
    assert dice(resamples=0) is None


def test_one_subject_has_no_interval() -> None:
    assert all(mean["ci95"] is None for mean in means(evaluate(make_lesions(1, noisy, n=4), make_lesions(0, noisy))))


def test_method_and_baselines_are_compared_case_by_case() -> None:
    test = make_lesions(1, perfect)
    report = evaluate(test, make_lesions(0, perfect))
    theirs = methods(report)["intensity a"]["dice_validation"]["value"]
    compared = report["parts"]["all"]["comparisons"]
    assert compared["intensity a"]["dice_validation"]["value"] == pytest.approx(1 - theirs)
    assert compared["input untouched"]["twin_mae_lesion"]["value"] == pytest.approx(-0.4)
    assert "dice_validation" not in evaluate(test)["parts"]["all"]["comparisons"]["intensity a"]


def test_a_case_without_a_mask_counts_by_its_label() -> None:
    mask = np.zeros((1, 4, 4), bool)
    cases = Cases(AnomalyMaps.schema)
    for fields in ({"mask": mask}, {"mask": ~mask}, {"label": 0}, {"label": 1}, {}, {"mask": mask, "label": 1}):
        cases.append(image=np.zeros((2, 4, 4)), map=np.zeros((1, 4, 4)), **fields)
    assert list(healthy(cases)) == [True, False, True, False, False, False]
    assert list(diseased(cases)) == [False, True, False, True, False, False]


def test_pixels_of_a_diseased_case_without_a_mask_do_not_count() -> None:
    """Where its lesion lies is not known: neither its Dice nor the pooled ranking may take it as healthy."""
    cases, validation = make_lesions(1, perfect), make_lesions(0, perfect)
    before = own(cases, validation)
    for some in (cases, validation):
        some.append("unmasked", image=np.ones((2, 24, 24)), map=np.full((1, 24, 24), 9.0), label=1)
    after = own(cases, validation)
    for name in ("dice_validation", "dice_average_otsu", "dice_oracle", "pixel_ap", "pixel_ap_pooled"):
        assert after[name] == before[name] or after[name]["value"] == before[name]["value"] == 1
        assert after[name]["n"] == before[name]["n"]
    assert after["image_auroc_map"] == {"value": 1, "n": 13}


def by_site(seed: int, map_of: Any, sites: str, **fields: Any) -> Cases:
    """Cases in turn at the sites; "-" is none."""
    cases = Cases(AnomalyMaps.schema)
    for i, row in enumerate(make_lesions(seed, map_of, **fields)):
        site = sites[i % len(sites)]
        cases.append(**{k: v for k, v in row.items() if v is not None}, **({} if site == "-" else {"site": site}))
    return cases


def test_sites_are_parts_that_change_nothing_of_the_whole() -> None:
    plain, validation = make_lesions(1, noisy), make_lesions(0, noisy)
    sites = by_site(1, noisy, "AB")
    report, before = evaluate(sites, validation, TRAINING), evaluate(plain, validation, TRAINING)
    assert list(report["parts"]) == ["all", "A", "B"] and report["parts"]["all"] == before["parts"]["all"]
    assert list(report["parts"]["A"]["methods"]) == ["ours"]  # the trivial maps are scored on all cases alone


def test_the_score_of_a_site_is_that_of_its_cases_at_the_threshold_of_all() -> None:
    test, validation = by_site(1, noisy, "ABB"), make_lesions(0, noisy)
    report = evaluate(test, validation)
    for site in "AB":
        alone = own(test.subset(np.flatnonzero(test["site"] == site)), validation)
        found = report["parts"][site]["methods"]["ours"]
        assert {k: found.get(k) for k in alone} == alone
    chosen = {part["methods"]["ours"]["dice_validation"]["threshold"]["value"] for part in report["parts"].values()
              if "dice_validation" in part["methods"]["ours"]}  # fmt: skip
    assert len(chosen) == 1


@pytest.mark.parametrize("sites", ["A", "A-", "-"])
def test_one_site_is_no_part(sites: str) -> None:
    assert list(evaluate(by_site(1, noisy, sites))["parts"]) == ["all"]


def test_the_share_of_a_healthy_brain_that_is_flagged() -> None:
    """Maps of 1 in the right half of the image are above any threshold between 0 and 1."""

    def half(difference: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return np.pad(np.ones((1, 24, 12)), ((0, 0), (0, 0), (12, 0)))

    test, validation = by_site(1, half, "ABC"), make_lesions(0, lambda d, mask, rng: mask * 1.0 - 0.5)
    report = evaluate(test, validation)
    scores = methods(report)["ours"]["healthy_flagged"]
    assert (scores["value"], scores["n"]) == (0.5, 4)  # 20 of 24 columns are brain, 10 of them flagged
    # site A has the healthy cases: no Dice, no image AUROC
    healthy_site = report["parts"]["A"]["methods"]["ours"]
    assert healthy_site["healthy_flagged"]["value"] == 0.5 and "dice_validation" not in healthy_site
    assert all("healthy_flagged" not in report["parts"][site]["methods"]["ours"] for site in "BC")
    assert "healthy_flagged" not in own(test)  # no validation, no threshold
