# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monai_anomaly.evaluation import AnomalyMaps, Cases, Segmentation, Task, Translation, write_report
from monai_anomaly.evaluation.saved import SavedEvaluation, check_same, named_folders
from monai_anomaly.utils import DataError

from .blobs import make_blobs
from .folders import write_folder
from .squares import make_squares

MAPS = AnomalyMaps(["gray"], data_range=2.0, background=-1.0)
MASKS = Segmentation(["t1", "flair"], ["lesion"])


def saved(folder: Path, task: Task, test: Cases, validation: Cases | None = None) -> SavedEvaluation:
    write_folder(folder, task, test, validation)
    return SavedEvaluation.read(folder)


@pytest.fixture(scope="module")
def maps(tmp_path_factory: pytest.TempPathFactory) -> SavedEvaluation:
    return saved(tmp_path_factory.mktemp("eval") / "maps", MAPS, make_squares(maps=False), make_squares(1, maps=False))


@pytest.fixture(scope="module")
def masks(tmp_path_factory: pytest.TempPathFactory) -> SavedEvaluation:
    return saved(tmp_path_factory.mktemp("eval") / "masks", MASKS, make_blobs(samples=1))


def test_other_orders_figures_and_methods_are_the_same_evaluation(tmp_path: Path, maps: SavedEvaluation) -> None:
    turned = make_squares(maps=False, logit=4.0).subset(reversed(range(9)))
    check_same([maps, saved(tmp_path, replace(MAPS, rows=2, rotate=False), turned)])


@pytest.mark.parametrize(
    ("cases", "settings", "message"),
    [
        ({"n": 6}, {}, r"case s6 0 \{'label': 0, .*\}, as .*maps/metrics\.json has it, found None"),
        ({"n": 12}, {}, r"case s9 0 None, as .* found \{'label'"),
        ({"seed": 3, "size": 30}, {}, "test counts pixels_per_case 576, as .* found 900"),
        ({"truth": False}, {}, "case s1 0 lesion_pixels 4, as .* found 0"),
        ({}, {"data_range": 1.0}, r"settings data_range 2\.0, as .* found 1\.0"),
        ({}, {"border": 2}, "settings border 0, as .* found 2"),
        ({}, {"false_positive_rate": 0.2}, r"settings false_positive_rate 0\.01, as .* found 0\.2"),
    ],
)
def test_other_cases_or_settings_are_refused(
    tmp_path: Path, maps: SavedEvaluation, cases: dict, settings: dict, message: str
) -> None:
    other = saved(tmp_path / "other", replace(MAPS, **settings), make_squares(maps=False, **cases))
    with pytest.raises(DataError, match=rf"other/metrics\.json: expected {message}"):
        check_same([maps, other])


@pytest.mark.parametrize(
    ("cases", "settings", "message"),
    [
        ({"seed": 5}, {}, r"case s\d \d+ lesion_pixels_lesion \d+, as .* found \d+"),
        ({"size": 40}, {}, r"(case|test counts) .*, as .* found \d+"),
        ({"regions": 2}, {"region_names": ["a", "b"]}, r"settings region_names \['lesion'\], as .* found \['a', 'b'\]"),
        ({}, {"spacing": 3.0}, r"settings spacing 1\.0, as .* found 3\.0"),
        ({}, {"bins": 10}, "settings bins 20, as .* found 10"),
    ],
)
def test_other_regions_pixels_or_bins_are_refused(
    tmp_path: Path, masks: SavedEvaluation, cases: dict, settings: dict, message: str
) -> None:
    other = saved(tmp_path / "other", replace(MASKS, **settings), make_blobs(samples=1, **cases))
    with pytest.raises(DataError, match=rf"other/metrics\.json: expected {message}"):
        check_same([masks, other])


def test_other_tasks_are_refused(maps: SavedEvaluation, masks: SavedEvaluation) -> None:
    with pytest.raises(DataError, match=r"masks/metrics\.json: expected task 'anomaly_maps', .* found 'seg"):
        check_same([maps, masks])


def test_other_validation_cases_are_refused_where_both_have_some(tmp_path: Path, maps: SavedEvaluation) -> None:
    none = saved(tmp_path / "none", MAPS, make_squares(maps=False))
    fewer = saved(tmp_path / "fewer", MAPS, make_squares(maps=False), make_squares(1, n=6, maps=False))
    check_same([maps, none])
    with pytest.raises(DataError, match=r"fewer/metrics\.json: expected validation counts cases 9, .* found 6"):
        check_same([none, maps, fewer])


def test_a_method_may_choose_a_threshold_of_its_own(tmp_path: Path) -> None:
    own = [saved(tmp_path / f"{w}", MASKS, make_blobs(wobble=w), make_blobs(1, wobble=w)) for w in (1.0, 3.0)]
    abouts = [evaluation.report["parts"]["lesion"]["about"] for evaluation in own]
    assert abouts[0]["method of 5"] != abouts[1]["method of 5"] and abouts[0]["threshold"] == abouts[1]["threshold"]
    check_same(own)


@pytest.mark.parametrize(("background", "darkest", "data_range"), [(0.0, 1e-8, 1.0), (-1.0, -0.9999, 2.0)])
def test_a_pixel_just_above_the_background_is_brain_in_saved_cases_too(
    tmp_path: Path, background: float, darkest: float, data_range: float
) -> None:
    cases, mask = Cases(Translation.schema), np.zeros((1, 16, 16), bool)
    mask[0, 4:8, 4:8] = True
    image = np.full((1, 16, 16), background, np.float32)
    image[0, 3:13, 3:13], image[0, 2, 2:8] = background + 0.5, darkest
    cases.append("s", 30, image=image, reconstruction=image, mask=mask, target_mask=mask)
    found = saved(tmp_path, Translation(["flair"], background=background, data_range=data_range), cases).cases()
    np.testing.assert_array_equal(found["image"], cases["image"])


def test_settings_that_are_not_finite_come_back(tmp_path: Path) -> None:
    cases = Cases(Translation.schema)
    cases.append("s", 30, image=np.zeros((1, 8, 8)), reconstruction=np.ones((1, 8, 8)))
    found = saved(tmp_path, Translation(["gray"], background=-np.inf), cases)
    assert found.task == Translation(["gray"], background=-np.inf) and found.report["settings"]["background"] == "-inf"
    report = {**found.report, "settings": {**found.report["settings"], "background": "dark"}}
    (tmp_path / "metrics.json").write_text(json.dumps(report))
    with pytest.raises(DataError, match=r"metrics\.json: expected the settings of translation, found \{'method'"):
        SavedEvaluation.read(tmp_path)


def test_a_baseline_of_other_validation_samples_is_refused(tmp_path: Path, masks: SavedEvaluation) -> None:
    """Samples of a data set leave no counts in the report, but the threshold that was chosen on them."""

    def chosen_on(seed: int) -> SavedEvaluation:
        items = [{"image": case["image"], "mask": case["mask"]} for case in make_blobs(seed, samples=1)]
        write_report(MASKS, make_blobs(samples=1), tmp_path / str(seed), items, resamples=0)
        return SavedEvaluation.read(tmp_path / str(seed))

    check_same([masks, chosen_on(1), chosen_on(1)])
    with pytest.raises(DataError, match=r"2/metrics\.json: expected threshold of lesion .*, found"):
        check_same([masks, chosen_on(1), chosen_on(2)])


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("metrics.json", None, "expected the report of an evaluation with task, .*found No such file"),
        ("metrics.json", "{", "expected the report of an evaluation .*found Expecting"),
        ("metrics.json", "[]", "expected the report of an evaluation .*found a list"),
        (
            "metrics.json",
            {"methods": {}, "settings": {}},
            r"found none of \['task', .*'parts', 'cases'\]: evaluate anew",
        ),
        ("metrics.json", {"task": "registration"}, r"expected a task of \['anomaly_maps', .*found 'registration'"),
        ("metrics.json", {"settings": {}}, "expected settings with method, found no method"),
        ("metrics.json", {"settings": {"method": "m"}}, "expected the settings of segmentation, found {'method'"),
        ("training.json", "[1]", "expected the numbers of a training, found a list"),
    ],
)
def test_files_that_cannot_be_used_are_named(
    tmp_path: Path, masks: SavedEvaluation, file: str, content: Any, message: str
) -> None:
    report = dict(masks.report)
    if isinstance(content, dict):
        report = content if "methods" in content else {**report, **content}
        content = None
    (tmp_path / "metrics.json").write_text(json.dumps(report))
    if content is not None:
        (tmp_path / file).write_text(content)
    elif "No such file" in message:
        (tmp_path / file).unlink()
    with pytest.raises(DataError, match=rf"{file}: .*{message}"):
        SavedEvaluation.read(tmp_path).training()


def test_a_case_twice_is_refused(tmp_path: Path, masks: SavedEvaluation) -> None:
    rows = masks.report["cases"]
    (tmp_path / "metrics.json").write_text(json.dumps({**masks.report, "cases": [*rows[:-1], rows[0]]}))
    with pytest.raises(DataError, match=r"metrics\.json: expected every case once, found 's0 40' more often"):
        SavedEvaluation.read(tmp_path)


def test_cases_are_matched_by_subject_and_slice(tmp_path: Path) -> None:
    cases, other = Cases(MAPS.schema), Cases(MAPS.schema)
    for case in list(make_squares())[1:3]:
        fields = {name: case[name] for name in MAPS.schema.names}
        cases.append(*(("a", "1 2") if not len(cases) else ("a 1", "2")), **fields)
        other.append(**fields)
    found = saved(tmp_path / "names", MAPS, cases)
    assert found.keys == [("a", "1 2"), ("a 1", "2")] and found.cases().keys == found.keys
    write_folder(tmp_path / "none", MAPS, other)
    with pytest.raises(
        DataError, match=r"none/metrics\.json: expected cases with a subject or a slice, .* found several"
    ):
        SavedEvaluation.read(tmp_path / "none")


def test_baselines_must_have_the_same_scores(tmp_path: Path, maps: SavedEvaluation) -> None:
    def edited(name: str, factor: float) -> SavedEvaluation:
        report = json.loads(json.dumps(maps.report))
        report["parts"]["all"]["methods"]["intensity gray"]["pixel_ap"]["value"] *= factor
        (tmp_path / name).mkdir()
        (tmp_path / name / "metrics.json").write_text(json.dumps(report))
        return SavedEvaluation.read(tmp_path / name)

    check_same([maps, edited("rounded", 1 + 1e-9)])
    message = r"other/metrics\.json: expected pixel_ap of the baseline intensity gray of all [\d.]+, as .*maps/metrics"
    with pytest.raises(DataError, match=message):
        check_same([maps, edited("other", 1.01)])


def change(*path: Any, value: Any = None) -> Any:
    """What sets an entry of a report, or takes it away."""

    def apply(report: dict) -> None:
        place: Any = report
        for key in path[:-1]:
            place = place[key]
        if value is None:
            del place[path[-1]]
        else:
            place[path[-1]] = value

    return apply


ENTRY = ("parts", "lesion", "methods", "method", "dice")


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (change("task", value=[3]), "expected task of a text, found a list"),
        (change("settings", value=[]), "expected settings of method, found a list"),
        (change("provenance", "git_revision"), "expected provenance with .*, found no git_revision"),
        (
            change("provenance", "model", value={"file": "a"}),
            "expected provenance model with training, found no training",
        ),
        (
            change("provenance", "model", value={"training": {"settings": 3, "git_revision": None}}),
            "expected provenance model training settings of names and values, found 3",
        ),
        (change("provenance", "date", value=3), "expected provenance date of a text, found 3"),
        (change("counts", "test"), "expected counts with test, found no test"),
        (change("counts", value=[]), "expected counts of test, found a list"),
        (change("counts", "test", "cases", value="nine"), "expected counts test cases of a number, found 'nine'"),
        (change("truth", value="label"), "expected truth of a list of columns, found 'label'"),
        (change("parts", value={}), "expected parts of at least one part, found none"),
        (change("parts", value=[1]), "expected parts of at least one part, found a list"),
        (change("parts", "lesion", "about"), "expected parts lesion with .*, found no about"),
        (
            change("parts", "lesion", "counts", "with_lesion"),
            "expected what the tables of segmentation need.*'with_les",
        ),
        (change("parts", "lesion", "methods", value={}), "expected parts lesion methods of at least one method, found"),
        (change(*ENTRY[:-1]), "expected parts lesion methods with 'method' first|of at least one method"),
        (change(*ENTRY, "value"), "expected parts lesion methods method dice with value, n, found no value"),
        (
            change(*ENTRY, "value", value="high"),
            "expected parts lesion methods method dice value of a number, found 'hi",
        ),
        (change(*ENTRY, "value", value=float("nan")), "dice value of a number, found nan"),
        (change(*ENTRY, "ci95", value=[1]), r"dice ci95 of two numbers, found \[1\]"),
        (change("cases", value="x"), "expected cases of a row per case, found 'x'"),
        (change("cases", value=[]), "expected cases of a row per case, found none"),
        (change("cases", 3), "expected 9 cases, as counts test has it, found 8"),
        (change("cases", 3, "subject"), "expected cases 3 with subject, slice, lesion_pixels_lesion, found no subject"),
        (change("cases", 3, "lesion_pixels_lesion"), "expected cases 3 with .*, found no lesion_pixels_lesion"),
        (change("cases", 3, "dice_lesion"), "expected cases 3 with dice_lesion, like cases 0, found none"),
        (change("cases", 0, "dice_lesion"), "expected cases 0 with dice_lesion, like cases 1, found none"),
        (change("cases", 3, "dice_lesion", value="high"), "expected cases 3 dice_lesion of a number, found 'high'"),
    ],
)
def test_reports_that_were_edited_are_refused_in_one_line(
    tmp_path: Path, masks: SavedEvaluation, edit: Any, message: str
) -> None:
    report = json.loads(json.dumps(masks.report))
    edit(report)
    (tmp_path / "metrics.json").write_text(json.dumps(report))
    with pytest.raises(DataError, match=rf"^\S*metrics\.json: .*{message}") as caught:
        SavedEvaluation.read(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_score_that_no_case_has_any_more_is_refused(tmp_path: Path, masks: SavedEvaluation) -> None:
    report = json.loads(json.dumps(masks.report))
    for row in report["cases"]:
        del row["dice_lesion"]
    (tmp_path / "metrics.json").write_text(json.dumps(report))
    with pytest.raises(DataError, match="expected cases with dice of method, part lesion, found none"):
        SavedEvaluation.read(tmp_path)


def test_text_for_a_number_of_a_training_is_refused(tmp_path: Path, masks: SavedEvaluation) -> None:
    (tmp_path / "training.json").write_text('{"minutes": "x"}')
    with pytest.raises(DataError, match=r"training\.json: expected minutes of a number, found 'x'"):
        replace(masks, folder=tmp_path).training()


@pytest.mark.parametrize("methods", [(), ("eval",), ("=eval",), ("a=x,",), ("a=x", "a=y")])
def test_methods_have_names_and_folders(methods: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"methods must (be NAME=FOLDER|have different names)"):
        named_folders(methods)


def test_a_folder_twice_or_with_a_comma_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="methods must have every training once, got 'x,"):
        named_folders(["a=x,y/../x"])
    (tmp_path / "x,y").mkdir()
    with pytest.raises(ValueError, match="methods must be in folders without a comma"):
        named_folders([f"a={tmp_path / 'x,y'}"])


def test_folders_of_a_name() -> None:
    assert named_folders(["a=x,y/z", "b=c=d"]) == {"a": [Path("x"), Path("y/z")], "b": [Path("c=d")]}
