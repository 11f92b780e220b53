# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import itertools
import json
import os
from pathlib import Path
from typing import Any

import pytest

from monai_anomaly.data import assemble_datalist, load_datalist, save_datalist
from monai_anomaly.data.existing import existing_folder
from monai_anomaly.utils import DataError


def _write(folder: Path, modalities: list[str] | None = None) -> tuple[Path, list[dict]]:
    for name in ("a_t1.nii.gz", "a_t2.nii.gz", "a_seg.nii.gz"):
        (folder / "cases").mkdir(exist_ok=True)
        (folder / "cases" / name).touch()
    images = [str(folder / "cases" / name) for name in ("a_t1.nii.gz", "a_t2.nii.gz")]
    training = [{"image": images, "mask": str(folder / "cases/a_seg.nii.gz"), "label": 1, "subject": "a"}]
    header = {} if modalities is None else {"modalities": modalities}
    path = folder / "list.json"
    save_datalist(path, {"name": "é", **header, "training": training, "test": []})
    return path, training


def test_round_trip(tmp_path: Path) -> None:
    path, training = _write(tmp_path)
    assert load_datalist(path, "training") == training


def test_files_below_the_list_are_relative_so_that_the_folder_may_move(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    _write(tmp_path / "old")
    (tmp_path / "old").rename(tmp_path / "new")
    sample = load_datalist(tmp_path / "new/list.json", "training")[0]
    assert sample["mask"] == str(tmp_path / "new/cases/a_seg.nii.gz")


def test_files_elsewhere_are_absolute(tmp_path: Path) -> None:
    _, training = _write(tmp_path)
    save_datalist(tmp_path / "lists/list.json", {"training": training})
    assert load_datalist(tmp_path / "lists/list.json", "training") == training


def test_one_sample_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    samples = [{"image": f"{i}.png", "label": 0} for i in range(5)]
    save_datalist(path, {"name": "x", "training": samples, "validation": []})
    lines = [line.strip().rstrip(",") for line in path.read_text(encoding="utf-8").splitlines() if '"image"' in line]
    assert [json.loads(line) for line in lines] == samples


def test_modalities_must_agree(tmp_path: Path) -> None:
    path, _ = _write(tmp_path, ["t1", "t2"])
    assert load_datalist(path, "training", ["t1", "t2"])
    with pytest.raises(DataError, match=r"list\.json: expected the modalities \['t2', 't1'\], found \['t1', 't2'\]"):
        load_datalist(path, "training", ["t2", "t1"])


@pytest.mark.parametrize("section", ["test", "validation"])
def test_an_empty_or_missing_section_names_those_found(tmp_path: Path, section: str) -> None:
    path, _ = _write(tmp_path)
    with pytest.raises(DataError, match=rf"list\.json.*'{section}'.*'training': 1"):
        load_datalist(path, section)


def test_a_missing_image_is_named(tmp_path: Path) -> None:
    path, _ = _write(tmp_path)
    (tmp_path / "cases/a_t2.nii.gz").unlink()
    with pytest.raises(DataError, match=r"list\.json.*1 missing: .*a_t2\.nii\.gz"):
        load_datalist(path, "training")


@pytest.mark.parametrize(("text", "found"), [("{", "JSON"), ("[]", "a list"), (None, "found nothing")])
def test_a_file_that_is_no_datalist(tmp_path: Path, text: str | None, found: str) -> None:
    path = tmp_path / "list.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(DataError, match=rf"list\.json: .*{found}"):
        load_datalist(path, "training")


def test_existing_folder_says_what_was_looked_for(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"empty: expected apples, found an empty folder"):
        existing_folder(tmp_path / "empty", "apples")
    with pytest.raises(DataError, match=r"absent: expected a folder with apples, found nothing"):
        existing_folder(tmp_path / "absent", "apples")
    assert existing_folder(tmp_path, "apples") == tmp_path


def test_no_usable_case_gives_the_reasons(tmp_path: Path) -> None:
    left_out = [{"case": "c1", "reason": "expected t1"}]
    with pytest.raises(DataError, match=r"expected volumes, found no usable case \(c1: expected t1\)"):
        assemble_datalist([], root=tmp_path, description="volumes", modalities=["t1"], left_out=left_out)


def test_files_are_absolute_wherever_the_datalist_is_read_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, training = _write(tmp_path)
    other = tmp_path / "in/other.json"
    other.parent.mkdir()
    save_datalist(other, {"training": [{**training[0], "image": "../cases/a_t1.nii.gz"}]})
    monkeypatch.chdir(tmp_path.parent)
    assert load_datalist(Path(tmp_path.name, "list.json"), "training") == training
    monkeypatch.chdir(tmp_path)
    assert load_datalist("list.json", "training") == training
    # a link to a folder elsewhere
    (tmp_path / "far").mkdir()
    (tmp_path / "far/link").symlink_to(tmp_path / "in")
    (found,) = load_datalist("far/link/other.json", "training")
    assert os.path.isabs(found["image"]) and os.path.samefile(found["image"], training[0]["image"][0])


def test_entry_that_every_sample_must_have(tmp_path) -> None:
    path = tmp_path / "datalist.json"
    samples = [{"image": "a.nii", "mask": "m.nii", "subject": "p1"}, {"image": "b.nii", "subject": "p2"}]
    save_datalist(path, {"training": samples})
    assert len(load_datalist(path, "training", check_files=False)) == 2
    with pytest.raises(DataError, match=r"expected a 'mask' of every sample of 'training', found none of p2$"):
        load_datalist(path, "training", check_files=False, requires=["mask"])


def test_a_healthy_sample_needs_no_mask(tmp_path: Path) -> None:
    path = tmp_path / "datalist.json"
    samples = [{"image": f"{label}.nii", "subject": f"p{label}", "label": label} for label in (0, 1)]
    save_datalist(path, {"training": samples})
    with pytest.raises(DataError, match=r"expected a 'mask' .*, found none of p1$"):
        load_datalist(path, "training", check_files=False, requires=["mask"])
    save_datalist(path, {"training": [samples[0], {**samples[1], "mask": "m.nii"}]})
    assert len(load_datalist(path, "training", check_files=False, requires=["mask"])) == 2


def test_images_of_the_training_are_not_scored_by_another_datalist(tmp_path: Path) -> None:
    known, new = tmp_path / "known.json", tmp_path / "in" / "new.json"
    new.parent.mkdir()
    save_datalist(
        known, {"training": [{"image": "a.png", "subject": "1"}], "test": [{"image": "b.png", "subject": "2"}]}
    )

    def load(image: str, subject: str) -> list:
        save_datalist(new, {"test": [{"image": image, "subject": subject}]})
        return load_datalist(new, "test", check_files=False, apart_from=known)

    with pytest.raises(DataError, match=r"new.json: expected images that the training has not, found .*a\.png"):
        load("../a.png", "3")
    with pytest.warns(UserWarning, match="names of those in the training: 01"):
        load("a.png", "01")
    assert load("../b.png", "2")
    assert load_datalist(known, "test", check_files=False, apart_from=known)


def test_zero_is_an_entry(tmp_path: Path) -> None:
    path = tmp_path / "datalist.json"
    ages = {"p1": 0, "p2": 63.5, "p3": 0.0, "p4": None, "p5": ""}
    save_datalist(path, {"training": [{"image": "a.nii", "age": age, "subject": p} for p, age in ages.items()]})
    with pytest.raises(DataError, match=r"datalist\.json: expected a 'age' .*, found none of p4, p5$"):
        load_datalist(path, "training", check_files=False, requires=["age"])


def test_files_of_counterfactuals_lie_beside_the_datalist_in_a_section_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "a.nii").touch()
    test = {"image": ["a.nii"], "subject": "p", "label": 1}
    pair = {**test, "mask": "a.nii", "target": ["a.nii"], "target_mask": "a.nii", "edit": "grow"}
    save_datalist(tmp_path / "list.json", {"test": [test], "counterfactual": [pair]})
    file = str(tmp_path / "a.nii")
    (found,) = load_datalist(tmp_path / "list.json", "counterfactual")
    assert found == {**pair, "image": [file], "mask": file, "target": [file], "target_mask": file}
    assert len(load_datalist(tmp_path / "list.json", "test")) == 1


@pytest.mark.parametrize("label", [2, -1, 0.5, "yes", float("nan")])
def test_a_label_that_is_no_class_names_the_sample(tmp_path: Path, label: Any) -> None:
    samples = [{"image": f"{x}.png", "label": y, "subject": f"p{x}"} for x, y in (("a", 1.0), ("b", 1.0), ("c", label))]
    path = _listed(tmp_path, training=samples[:1], test=samples[1:])
    assert [type(s["label"]) for s in load_datalist(path, "training", num_classes=2)] == [int]
    with pytest.raises(DataError, match=r"list\.json: 'test', subject pc, c\.png: label: expected a class, .*0 to 1"):
        load_datalist(path, "test", num_classes=2)


def test_a_section_of_strings_is_named(tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text(json.dumps({"test": ["a.png"]}))
    with pytest.raises(DataError, match=r"expected samples with an 'image', found 'a\.png'"):
        load_datalist(tmp_path / "list.json", "test")


def test_names_that_are_no_valid_text_survive(tmp_path: Path) -> None:
    file = os.fsdecode(os.fsencode(tmp_path) + b"/Z\xfcrich.png")
    Path(file).touch()
    save_datalist(tmp_path / "list.json", {"test": [{"image": file, "subject": "p"}]})
    assert load_datalist(tmp_path / "list.json", "test")[0]["image"] == file


def _listed(folder: Path, **sections: list[dict[str, Any]]) -> Path:
    for sample in itertools.chain(*sections.values()):
        for file in [sample["image"]] if isinstance(sample["image"], str) else sample["image"]:
            (folder / file).touch()
    save_datalist(folder / "list.json", sections)
    return folder / "list.json"


@pytest.mark.parametrize("other", [{"image": "b.png", "subject": "p1"}, {"image": "./a.png", "subject": "P2"}])
def test_a_patient_or_an_image_of_the_training_is_not_tested(tmp_path: Path, other: dict[str, str]) -> None:
    first = {"image": "a.png", "subject": "P1"}
    path = _listed(tmp_path, training=[first], test=[other])
    with pytest.raises(DataError, match=r"list\.json: expected .* in one section, found in training and test"):
        load_datalist(path, "training")
    assert len(load_datalist(path, "test", check_files=False)) == 1
    for one, two in (("training", "validation"), ("validation", "test")):
        path = _listed(tmp_path, **{one: [first], two: [other]})
        with pytest.warns(UserWarning, match=f"found in {one} and {two}"):
            load_datalist(path, one)


def test_an_entry_without_a_mask_may_say_so(tmp_path: Path) -> None:
    path = _listed(tmp_path, test=[{"image": "a.png", "mask": nothing, "twin": nothing} for nothing in (None, "")])
    assert load_datalist(path, "test") == [{"image": str(tmp_path / "a.png")}] * 2


def test_files_in_the_order_of_the_alphabet_are_not_taken_for_other_contrasts(tmp_path: Path) -> None:
    path = _listed(tmp_path, test=[{"image": ["p_flair.nii", "p_t1.nii"]}, {"image": ["x.nii", "y.nii"]}])
    with pytest.raises(DataError, match=r"p_flair\.nii: expected t1 in this place of the list, found flair"):
        load_datalist(path, "test", ["t1", "flair"])
    assert len(load_datalist(path, "test", ["flair", "t1"])) == 2


def test_a_share_without_a_section_drops_no_patient_in_silence(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    samples = [{"image": str(tmp_path / "a.png"), "label": 0, "subject": "a"}]
    options = {"root": tmp_path, "description": "images", "modalities": ["image"]}
    with pytest.raises(DataError, match="split: expected a share for each of training, validation, test, found 4"):
        assemble_datalist(samples, split=(0.7, 0.1, 0.1, 0.1), **options)
