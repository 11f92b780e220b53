# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from monai_anomaly.evaluation import Cases, CollectCases, Translation, compare, evaluate_cases, save_cases, write_report
from monai_anomaly.evaluation.case_file import load_cases
from monai_anomaly.utils import DataError

from ..edits import BRIGHTER, EDITS, head, make_edits, square
from ..folders import write_folder

TASK = Translation(["t1", "flair"])
ROWS = ["method", "input untouched", "true counterfactual"]


def evaluate(cases: Cases, **settings: Any) -> dict[str, Any]:
    return evaluate_cases(Translation(["t1", "flair"], **settings), cases, resamples=50)


def scores(cases: Cases, method: str = "method", part: str = "all", **settings: Any) -> dict[str, Any]:
    found = evaluate(cases, **settings)["parts"][part]["methods"][method]
    return {name: entry["value"] for name, entry in found.items()}


def one(image: np.ndarray, made: np.ndarray, **fields: Any) -> Cases:
    cases = Cases(Translation.schema)
    cases.append("s", 3, image=image, reconstruction=made, **fields)
    return cases


def test_the_truth_is_perfect() -> None:
    found = scores(make_edits())
    assert found["size_error"] == found["own_error"] == found["lesion_left"] == found["false_size"] == 0
    assert found["error_lesion"] == found["error_outside"] == found["drift"] == 0
    for name in ("size_correlation", "size_slope", "own_slope", "mask_dice", "ssim_outside", "share_inside"):
        assert found[name] == pytest.approx(1), name
    assert found["same_person"] == 1 and found["change_lesion"] > 0.05
    assert scores(make_edits(), "true counterfactual") == {k: v for k, v in found.items() if "own" not in k}


def test_an_untouched_input_changes_nothing_and_reaches_nothing() -> None:
    cases = make_edits(reach=0)
    found = scores(cases)
    assert found["change"] == found["drift"] == found["error_outside"] == 0 and found["lesion_left"] == 1
    assert "share_inside" not in found  # of nothing
    assert found["size_error"] == found["own_error"] == found["own_error_before"] > 0.05
    # between the squares of 6 and 12 pixels, 12 and 6, 0 and 8, 10 and 0, over the pixels of the larger one
    shares = [1 - 36 / 144, 1 - 36 / 144, 1, 1]
    assert found["error_lesion"] == pytest.approx(BRIGHTER * np.mean(shares), rel=1e-5)
    assert found == {**scores(make_edits(), "input untouched"), **{k: v for k, v in found.items() if "own" in k}}
    assert scores(cases, part="insert")["mask_dice"] == 0


def test_a_known_shift_is_a_known_error() -> None:
    cases = make_edits()
    shifted = cases.replace(reconstruction=cases["reconstruction"] + np.float32(0.03))
    for data_range in (1.0, 2.0):
        found = scores(shifted, data_range=data_range)
        for name in ("error_lesion", "error_outside", "drift"):
            assert found[name] == pytest.approx(0.03 / data_range, rel=1e-4)
    wrong = cases.replace(value_after=cases["value_after"] + 0.02)
    assert scores(wrong)["own_error"] == pytest.approx(0.02) and scores(wrong)["own_slope"] == pytest.approx(1)
    twice = cases.replace(value_after=2 * cases["value_after"])
    assert scores(twice)["own_slope"] == pytest.approx(2) and scores(twice)["own_correlation"] == pytest.approx(1)


def test_a_second_scalar_was_led_or_was_to_stay() -> None:
    cases = make_edits(reach=0)
    n = len(cases)
    before = np.linspace(-0.5, 0.5, n)
    moved = cases.replace(other_before=before, other_after=before + np.where(np.arange(n) % 2, 0.1, -0.3))
    for name in ("other_error", "other_change"):
        assert scores(moved)[name] == pytest.approx(0.2)
    led = moved.replace(other_wanted=before + 0.1)
    assert scores(led)["other_error"] == pytest.approx(0.2)  # 0 and 0.4
    assert scores(led)["size_error"] == scores(cases)["size_error"] > scores(led)["size_change"] == 0
    untouched = scores(led, "input untouched")
    assert untouched["other_error"] == pytest.approx(0.1) and untouched["other_change"] == 0
    assert not any("other" in name for name in scores(led, "true counterfactual"))
    assert not any("other" in name for name in scores(cases))
    text = "\n".join(map(str, TASK.sections(evaluate(led))))
    assert "other error" in text and "Further scores" not in text


def test_drift_counts_outside_of_the_lesion_and_its_margin_alone() -> None:
    image = 0.3 * head().astype(np.float32)
    rim = square(6) & ~square(4)
    for change, expected in ((square(4), 0), (rim, 0), (square(8) & ~square(6), 0.1)):
        found = scores(one(image, image + 0.1 * change, target_mask=square(4)))
        outside = (head() & ~square(6)).sum()
        assert found["drift"] == pytest.approx(expected * change.sum() / outside)
        assert found["share_inside"] == (1 if expected == 0 else 0)
        assert (found["ssim_outside"] < 0.999) == (expected > 0)
    assert scores(one(image, image + 0.1 * rim, target_mask=square(4)), margin=0)["drift"] > 0
    # old and new lesion both may change; what surrounds the head does not count
    air = one(image, image + ~head(), mask=square(4), target_mask=square(2))
    assert scores(air)["drift"] == 0 and scores(air)["share_inside"] == 0


def test_what_is_found_elsewhere_is_a_false_tumor() -> None:
    image = 0.3 * head().astype(np.float32)
    cases = one(image, image, mask=square(4), edit="remove", found_after=square(2) | square(1, place=24))
    found = scores(cases)
    assert found["lesion_left"] == pytest.approx(16 / 64) and found["false_cases"] == 1
    assert found["false_size"] == pytest.approx(4 / head().sum())
    assert found["size_error"] == pytest.approx(20 / head().sum())  # a removal wants none
    assert "mask_dice" not in found and "size_slope" not in found
    moved = one(
        image, image, mask=square(3, place=10), target_mask=square(3, place=22), found_after=square(3, place=22)
    )
    assert scores(moved)["mask_dice"] == 1 and scores(moved)["lesion_left"] == scores(moved)["false_size"] == 0


def test_another_person_is_noticed() -> None:
    cases = make_edits()
    order = np.roll(np.arange(len(cases)), len(EDITS))
    other = cases.replace(reconstruction=cases["image"][order])
    assert scores(other)["same_person"] == 0 and scores(other)["ssim_outside"] < 0.9
    assert "same_person" not in scores(make_edits(subjects=1))
    # the lesion of the input tells nobody apart
    assert scores(make_edits(noise=0.02))["same_person"] == 1


def test_every_edit_is_a_part() -> None:
    report = evaluate(make_edits(noise=0.05))
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert list(report["parts"]) == ["all", *sorted(EDITS)]
    assert all(list(part["methods"]) == ROWS for part in report["parts"].values())
    grow = [row["drift_grow"] for row in report["cases"] if row["edit"] == "grow"]
    assert report["parts"]["grow"]["methods"]["method"]["drift"]["value"] == pytest.approx(np.mean(grow))
    assert report["parts"]["all"]["methods"]["method"]["drift"]["ci95"][0] > 0
    difference = report["parts"]["all"]["comparisons"]["input untouched"]["error_lesion"]
    assert difference["ci95"][1] < 0 and difference["n"] == 12
    text = "\n".join(map(str, TASK.sections(report)))
    assert "grow, 3 cases" in text and "Further scores" not in text
    single = make_edits().subset([0, 4, 8])
    assert list(evaluate(single)["parts"]) == ["all"]


@pytest.mark.parametrize(
    ("absent", "gone"),
    [
        (["target"], ["error_lesion", "error_outside"]),
        (
            ["found_after"],
            [
                "size_error",
                "size_change",
                "size_correlation",
                "size_slope",
                "mask_dice",
                "lesion_left",
                "false_size",
                "false_cases",
            ],
        ),
        (["value_after"], ["own_error", "own_slope", "own_correlation"]),
        (["value_before"], ["own_error_before"]),
        (["found_before", "found_truth"], ["size_change"]),
        (["target_value"], []),  # the desired lesion has a size
    ],
)
def test_absent_fields_leave_their_scores_out(absent: list[str], gone: list[str]) -> None:
    whole, found = scores(make_edits()), scores(make_edits(**dict.fromkeys(absent)))
    assert set(whole) - set(found) == set(gone)
    assert all(found[name] == pytest.approx(whole[name]) for name in found)
    rows = list(evaluate(make_edits(**dict.fromkeys(absent)))["parts"]["all"]["methods"])
    assert rows == (ROWS[:2] if "target" in absent else ROWS)


def test_of_photographs_there_are_scalars_alone(tmp_path: Path) -> None:
    rng, cases = np.random.default_rng(0), Cases(Translation.schema)
    for i in range(4):
        face = rng.random((3, 16, 16))
        age = {"target_value": 10.0 * i, "value_before": 40.0, "value_after": 10.0 * i + 2}
        cases.append(f"s{i}", image=face, reconstruction=face + 0.01, **age)
    task = Translation(["r", "g", "b"], background=-1.0, value="age", rotate=False)
    found = write_report(task, cases, tmp_path, resamples=0)["parts"]["all"]["methods"]
    own = {name: entry["value"] for name, entry in found["method"].items()}
    assert set(own) == {
        *("own_error", "own_error_before", "own_correlation", "own_slope", "change", "same_person"),
    }
    assert own["own_error"] == 2 and own["own_error_before"] == 25 and own["change"] == pytest.approx(0.01, rel=1e-3)
    assert (tmp_path / "sizes.png").exists() and (tmp_path / "examples.png").exists()
    # masks measure no age
    aged = cases.replace(found_after=np.ones((4, 1, 16, 16), bool))
    assert "size_error" not in evaluate_cases(task, aged, resamples=0)["parts"]["all"]["methods"]["method"]


def test_without_a_desired_lesion_only_a_shrinking_one_has_bounds() -> None:
    cases = make_edits(target_mask=None, target=None)
    assert "drift" not in scores(cases, part="grow") and scores(cases, part="grow")["change"] > 0
    assert scores(cases, part="shrink")["drift"] == scores(cases, part="remove")["drift"] == 0
    assert scores(cases, part="grow")["size_error"] == 0  # the value was asked for
    sweep = make_edits(target_mask=None, target=None, edit="resize")
    found = evaluate(sweep)["parts"]["all"]["methods"]["method"]
    # to a smaller size than that of the input: half of the cases; to none: a quarter of them
    assert found["drift"]["n"] == 6 and found["lesion_left"]["n"] == 3 and found["change"]["n"] == 12


def test_a_truth_of_some_cases_counts_for_those() -> None:
    whole = make_edits(reach=0.5)
    half = whole.replace(target=[t if i % 2 else None for i, t in enumerate(whole["target"])])
    part = evaluate(half)["parts"]["all"]["methods"]
    assert {part[row]["error_lesion"]["n"] for row in ROWS} == {6}
    assert part["true counterfactual"]["drift"]["n"] == 6 and part["method"]["drift"]["n"] == 12
    assert part["true counterfactual"]["same_person"]["value"] == 1


def test_edits_of_one_slice_have_names_of_their_own(tmp_path: Path) -> None:
    collect = CollectCases(TASK)
    image = torch.rand(2, 16, 16)
    for edit, size in (("grow", 0.1), ("grow", 0.2), ("remove", None), ("move", None)):
        wanted = {} if size is None else {"target_value": torch.tensor([size])}
        wanted |= {"pair": "move-far", "target_value": 0.1} if edit == "move" else {}
        collect.add({"image": image, "subject": "a", "slice": 3, "edit": edit, **wanted}, {"reconstruction": image})
    assert [name for _, name in collect.cases.keys] == ["3 grow 0.1", "3 grow 0.2", "3 remove", "3 move-far"]
    save_cases(collect.cases, tmp_path / "cases.npz", "run")
    assert load_cases(tmp_path / "cases.npz", TASK.schema).keys == collect.cases.keys


def test_no_prediction_is_taken_for_the_truth() -> None:
    collect, image = CollectCases(TASK), torch.rand(2, 16, 16)
    made = dict.fromkeys(("reconstruction", "target"), image) | {"found_after": torch.ones(1, 16, 16)}
    collect.add({"image": image}, made)
    assert not collect.cases.known("target").any() and collect.cases.known("found_after").all()


def test_what_does_not_fit_is_refused() -> None:
    image = np.zeros((1, 16, 16))
    with pytest.raises(DataError, match="expected image and reconstruction, found no reconstruction"):
        Cases(Translation.schema).append("s", image=image)
    with pytest.raises(DataError, match=r"s 3: expected target_mask of shape \(1, 16, 16\), found \(1, 8, 8\)"):
        one(image, image, target_mask=np.zeros((1, 8, 8)))
    with pytest.raises(DataError, match="target_value"):
        one(image, image, target_value=np.nan)
    with pytest.raises(DataError, match="found 'all' twice"):
        evaluate(make_edits().replace(edit=np.array(["all", "grow"] * 6)))


def test_two_methods_are_compared_with_a_picture(tmp_path: Path) -> None:
    for name, cases in (("good", make_edits(noise=0.01)), ("weak", make_edits(0.4, noise=0.05, seed=1))):
        write_folder(tmp_path / name, TASK, cases)
    found = [f"{name}={tmp_path / name}" for name in ("good", "weak")]
    text = compare(tmp_path / "out/c.json", *found, rows=4, resamples=50)
    assert (tmp_path / "out/c.png").exists()
    result = json.loads((tmp_path / "out/c.json").read_text(encoding="utf-8"))["parts"]["all"]
    assert list(result["methods"]) == ["good", "weak", *ROWS[1:]]
    for score in ("error_lesion", "drift", "own_error"):
        assert result["comparisons"]["weak"][score]["ci95"][1] < 0
    assert "own_error" not in result["comparisons"]["input untouched"] and "| weak" in text
    compare(tmp_path / "out/d.json", *found, cases=[("s1", "3 grow")])
    with pytest.raises(DataError, match=r"found no \[\('s1', '3'\)\]"):
        compare(tmp_path / "out/e.json", *found, cases=[("s1", 3)])


def test_pictures_follow_the_fields(tmp_path: Path) -> None:
    write_report(TASK, make_edits(), tmp_path / "all", resamples=0)
    write_report(TASK, make_edits(target_value=None, found_after=None, target_mask=None), tmp_path / "few", resamples=0)
    assert {p.name for p in (tmp_path / "all").glob("*.png")} == {"examples.png", "sizes.png"}
    assert {p.name for p in (tmp_path / "few").glob("*.png")} == {"examples.png"}
