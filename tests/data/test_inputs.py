# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import warnings
from pathlib import Path

import pytest

from monai_anomaly.data import find_inputs
from monai_anomaly.data.inputs import PROBLEM
from monai_anomaly.utils import DataError

MODALITIES = ["t1", "t1ce", "t2", "flair"]


def touch(folder: Path, *names: str) -> list[str]:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return [str(folder / name) for name in names]


@pytest.mark.parametrize("name", ["scan.nii.gz", "scan.NII", "scan.png"])
def test_single_file(tmp_path: Path, name: str) -> None:
    (file,) = touch(tmp_path, name)
    assert find_inputs(file, MODALITIES) == [{"image": file, "subject": "scan"}]


@pytest.mark.parametrize(
    "spelling",
    [
        ["t1.nii.gz", "t1ce.nii.gz", "t2.nii.gz", "flair.nii.gz"],
        ["BraTS20_001_t1.nii", "BraTS20_001_t1ce.nii", "BraTS20_001_t2.nii", "BraTS20_001_flair.nii"],
        ["p-00-t1n.nii.gz", "p-00-t1c.nii.gz", "p-00-t2w.nii.gz", "p-00-t2f.nii.gz"],
        ["P_T1_080.png", "P_T1CE_080.png", "P_T2_080.png", "P_FLAIR_080.png"],
    ],
)
def test_folder_of_one_case_in_channel_order(tmp_path: Path, spelling: list[str]) -> None:
    files = touch(tmp_path / "case", *spelling)
    touch(tmp_path / "case", "seg.nii.gz", "notes.txt")
    assert find_inputs(tmp_path / "case", MODALITIES) == [{"image": files, "subject": "case"}]
    reverse = find_inputs(tmp_path / "case", MODALITIES[::-1])
    assert reverse[0]["image"] == files[::-1]


def test_modalities_are_matched_whatever_their_case_and_signs(tmp_path: Path) -> None:
    files = touch(tmp_path, "p_t1+c.nii.gz", "p_flair.nii.gz")
    assert find_inputs(tmp_path, ["T1+C", "FLAIR"])[0]["image"] == files


def test_folder_of_cases_at_any_depth(tmp_path: Path) -> None:
    cases = [f"site{s}/p{i}" for s in "AB" for i in range(2)]
    files = [touch(tmp_path / case, *(f"{m}.nii.gz" for m in MODALITIES)) for case in cases]
    found = find_inputs(tmp_path, MODALITIES)
    assert [s["image"] for s in found] == files
    assert [s["subject"] for s in found] == ["siteA_p0", "siteA_p1", "siteB_p0", "siteB_p1"]


def test_several_cases_in_one_folder(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    a, b = (touch(folder, *(f"{case}_{m}.nii.gz" for m in MODALITIES)) for case in ("a", "b"))
    plain = touch(folder, *(f"{m}.nii.gz" for m in MODALITIES))
    found = {s["subject"]: s["image"] for s in find_inputs(folder, MODALITIES)}
    assert found == {"set_a": a, "set_b": b, "set": plain}


def test_folder_of_files_with_all_channels(tmp_path: Path) -> None:
    touch(tmp_path, "a.nii.gz", "deep/b.nii", "notes.txt")
    found = find_inputs(tmp_path, MODALITIES)
    assert [(Path(s["image"]).name, s["subject"]) for s in found] == [("a.nii.gz", "a"), ("b.nii", "b")]


def test_one_modality_needs_no_name(tmp_path: Path) -> None:
    touch(tmp_path, "x1.png", "x2.png")
    assert [s["subject"] for s in find_inputs(tmp_path, ["xray"])] == ["x1", "x2"]


def test_no_two_names_are_the_same(tmp_path: Path) -> None:
    touch(tmp_path, "1/a.png", "2/a.png", "3/a_2.png", "4/a.png")
    names = [s["subject"] for s in find_inputs(tmp_path, ["xray"])]
    assert names == ["1_a", "2_a", "a_2", "4_a"]


def write_datalist(folder: Path, samples: list[dict], section: str = "test") -> Path:
    path = folder / "datalist.json"
    path.write_text(json.dumps({"modalities": ["t1", "t2"], section: samples}))
    return path


def test_datalist_keeps_what_a_sample_says_and_makes_names(tmp_path: Path) -> None:
    touch(tmp_path, *(f"p{i}/{m}.nii.gz" for i in range(3) for m in ("t1", "t2")))
    images = [[f"p{i}/t1.nii.gz", f"p{i}/t2.nii.gz"] for i in range(3)]
    samples = [
        {"image": images[0], "subject": "p0", "slice": 80, "label": 1},
        {"image": images[0], "subject": "p0", "slice": 81, "label": 0},
        {"image": images[1]},
        {"image": images[2]},
    ]
    found = find_inputs(write_datalist(tmp_path, samples), ["t1", "t2"])
    assert [s["subject"] for s in found] == ["p0_80", "p0_81", "t1", "t1_2"]
    assert found[0]["label"] == 1 and found[0]["image"] == [str(tmp_path / f) for f in images[0]]


def test_references_of_a_datalist_are_dropped(tmp_path: Path) -> None:
    sample = {"image": ["a_t1.nii.gz", "a_t2.nii.gz"], "mask": "a_seg.nii.gz", "twin": ["b_t1.nii.gz", "b_t2.nii.gz"]}
    (found,) = find_inputs(write_datalist(tmp_path, [{**sample, "label": 1, "site": "A"}]), ["t1", "t2"])
    assert set(found) == {"image", "subject", "label", "site"}


def test_other_section_of_a_datalist(tmp_path: Path) -> None:
    touch(tmp_path, "a.nii.gz")
    path = write_datalist(tmp_path, [{"image": "a.nii.gz"}], "validation")
    assert find_inputs(path, ["t1", "t2"], "validation")[0]["subject"] == "a"
    with pytest.raises(DataError, match="'test'"):
        find_inputs(path, ["t1", "t2"])


def test_nothing_at_the_path(tmp_path: Path) -> None:
    for name in ("missing.nii.gz", "missing.json", "missing"):
        with pytest.raises(DataError, match=rf"{name}.*found nothing"):
            find_inputs(tmp_path / name, MODALITIES)


def test_folder_without_images(tmp_path: Path) -> None:
    touch(tmp_path, "notes.txt")
    with pytest.raises(DataError, match=r"\.nii\.gz.*flair"):
        find_inputs(tmp_path, MODALITIES)


def test_missing_modality_is_named(tmp_path: Path) -> None:
    touch(tmp_path / "p7", "t1.nii.gz", "t1ce.nii.gz", "flair.nii.gz")
    with pytest.raises(DataError, match=r"p7: expected t2, found only flair\.nii\.gz"):
        find_inputs(tmp_path, MODALITIES)


def test_incomplete_case_among_complete_ones_says_what_it_lacks(tmp_path: Path) -> None:
    touch(tmp_path, *(f"p1/{m}.nii.gz" for m in MODALITIES), "p2/t1.nii.gz", "p2/t2.nii.gz")
    touch(tmp_path, *(f"p3/{case}_{m}.nii.gz" for case in "ab" for m in MODALITIES[: 4 if case == "a" else 3]))
    found = {s["subject"]: s.get("problem") for s in find_inputs(tmp_path, MODALITIES)}
    assert list(found) == ["p1", "p2", "p3_a", "p3_b"] and found["p1"] is None and found["p3_a"] is None
    assert "p2: expected t1ce, flair, found only t1.nii.gz" in found["p2"] and "p3: b: " in found["p3_b"]


def test_missing_files_of_a_datalist_are_left_to_the_reader(tmp_path: Path) -> None:
    path = write_datalist(tmp_path, [{"image": ["gone.nii.gz", "too.nii.gz"]}])
    assert find_inputs(path, ["t1", "t2"])[0]["subject"] == "gone"


def test_what_is_no_input_is_passed_over_and_links_are_followed(tmp_path: Path) -> None:
    touch(tmp_path / "store/a", *(f"a_{m}.NII.GZ" for m in MODALITIES), *(f"._a_{m}.NII.GZ" for m in MODALITIES))
    touch(tmp_path / "set", "__MACOSX/b/b_t1.nii.gz", ".ipynb_checkpoints/t1-checkpoint.png")
    (tmp_path / "set/a").symlink_to(tmp_path / "store/a")
    (found,) = find_inputs(tmp_path / "set", MODALITIES)
    assert found == {"image": [str(tmp_path / f"set/a/a_{m}.NII.GZ") for m in MODALITIES], "subject": "a"}


def test_two_files_for_one_modality_are_named_and_not_chosen_between(tmp_path: Path) -> None:
    touch(tmp_path, *(f"{case}_{m}.nii.gz" for case in "ab" for m in MODALITIES), "a_t2w.nii.gz")
    found = {Path(s["image"][0]).name[0]: s.get("problem") for s in find_inputs(tmp_path, MODALITIES)}
    assert found["b"] is None and "expected one t2, found a_t2.nii.gz and a_t2w.nii.gz" in str(found["a"])


def test_a_file_beside_the_cases_is_named(tmp_path: Path) -> None:
    touch(tmp_path, *(f"a_{m}.nii.gz" for m in MODALITIES), "a_adc.nii.gz", "a_seg.nii.gz", "p7.nii.gz")
    problems = [s["problem"] for s in find_inputs(tmp_path, MODALITIES) if "problem" in s]
    assert len(problems) == 1 and "p7.nii.gz: expected one of" in problems[0]


@pytest.mark.parametrize(
    ("case", "other", "hidden"),
    [
        ("p1_", "p10_scan.nii.gz", False),
        ("p1_", "P1_adc.nii.gz", True),
        ("p1_", "p1-t1ce-t2.nii.gz", True),
        ("", "other_patient.nii.gz", False),
        ("", "t1_bet.nii.gz", True),
    ],
)
def test_only_what_was_made_of_a_case_hides_behind_it(tmp_path: Path, case: str, other: str, hidden: bool) -> None:
    touch(tmp_path, *(f"{case}{m}.nii.gz" for m in MODALITIES), other)
    problems = [s["problem"] for s in find_inputs(tmp_path, MODALITIES) if "problem" in s]
    assert len(problems) == (0 if hidden else 1)
    assert all(f"{other}: expected one of" in line and "rename it, or list it" in line for line in problems)


@pytest.mark.parametrize(
    ("channel", "names"),
    [
        ("xray", ["img_2", "img_3", "xray_1"]),
        ("image", ["a", "b_image", "image", "image_001", "image_001_b"]),
        ("image", ["lesion", "tumor_12"]),
        ("t1", ["a_t1", "b", "c_t1"]),
    ],
)
def test_one_channel_needs_no_name_even_where_some_have_it(tmp_path: Path, channel: str, names: list[str]) -> None:
    touch(tmp_path, *(f"{name}.png" for name in names))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [s["subject"] for s in find_inputs(tmp_path, [channel])] == names


@pytest.mark.parametrize(
    ("channel", "names", "others"),
    [
        ("flair", ["a_flair", "b_flair"], ["a_t1", "a_seg", "a_adc", "a_flair_bet"]),
        ("image", ["image_1", "p"], ["image_1_mask", "p_mask", "p_t1"]),
    ],
)
def test_of_one_channel_masks_and_other_contrasts_are_left_out_with_a_line(
    tmp_path: Path, channel: str, names: list[str], others: list[str]
) -> None:
    files = touch(tmp_path, *(f"{name}.png" for name in names))
    touch(tmp_path, *(f"{name}.png" for name in others))
    with pytest.warns(UserWarning, match=rf"{len(others)} images left out, .*rename it") as caught:
        assert [s["image"] for s in find_inputs(tmp_path, [channel])] == files
    assert len(caught) == 1 and all(f"{name}.png" in str(caught[0].message) for name in others)


def test_a_contrast_that_is_not_there_is_not_replaced_by_another(tmp_path: Path) -> None:
    touch(tmp_path, "a_t1c.nii.gz", "a_gtv.nii.gz")
    with pytest.raises(DataError, match=r"found none, but .*a_gtv\.nii\.gz, a_t1c\.nii\.gz; to use one, rename it"):
        find_inputs(tmp_path, ["t1"])


def test_a_file_that_says_it_is_another_contrast_is_no_input(tmp_path: Path) -> None:
    """Of a datalist it is: there the user has said what it is."""
    (file,) = touch(tmp_path, "p1_t2w.nii.gz")
    with pytest.raises(DataError, match=r"p1_t2w.nii.gz: expected flair, found t2 by its name; .*in a datalist"):
        find_inputs(file, ["flair"])
    assert find_inputs(file, ["image"]) and find_inputs(file, ["t2"])
    assert find_inputs(*touch(tmp_path, "scan.nii.gz"), ["flair"])
    assert find_inputs(*touch(tmp_path, "p1_t1_flair.nii.gz"), ["flair"])


@pytest.mark.parametrize("subject", [None, "", ".", "..", " "])
def test_a_name_that_is_no_folder_of_its_own_is_that_of_the_file(tmp_path: Path, subject: str | None) -> None:
    samples = [
        {"image": ["x_t1.nii", "x_t2.nii"], "subject": subject},
        {"image": ["y_t1.nii", "y_t2.nii"], "subject": 0},
    ]
    assert [s["subject"] for s in find_inputs(write_datalist(tmp_path, samples), ["t1", "t2"])] == ["x_t1", "0"]


@pytest.mark.parametrize("suffix", [".mgz", ".hdr", ".MHA", ".mnc"])
def test_a_patient_in_a_format_that_is_not_read_is_named(tmp_path: Path, suffix: str) -> None:
    touch(tmp_path, *(f"p2/x_{m}{suffix}" for m in MODALITIES))
    with pytest.raises(DataError, match=rf"p2: expected images in .*found 4 of another kind, e.g. x_\w+\{suffix}"):
        find_inputs(tmp_path, MODALITIES)
    touch(tmp_path, *(f"p1/x_{m}.nii.gz" for m in MODALITIES))
    complete, unread = find_inputs(tmp_path, MODALITIES)
    assert PROBLEM not in complete and unread["subject"] == "p2" and suffix in unread[PROBLEM]


def test_references_that_are_wanted_are_kept_and_the_patient_behind_a_name(tmp_path: Path) -> None:
    sample = {"image": "a.nii", "mask": "m.nii", "target_mask": "t.nii", "subject": "p"}
    (tmp_path / "list.json").write_text(json.dumps({"test": [sample, sample]}))
    first, second = find_inputs(tmp_path / "list.json", ["t1"], keep=["target_mask"])
    assert "mask" not in first and first["target_mask"] == str(tmp_path / "t.nii")
    assert (first["subject"], second["subject"], second["patient"]) == ("p", "p_2", "p") and "patient" not in first
    assert "target_mask" not in find_inputs(tmp_path / "list.json", ["t1"])[0]
