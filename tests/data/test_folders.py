# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from monai_anomaly.data import make_folders_datalist
from monai_anomaly.utils import DataError, split_suffix


def _touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def _samples(datalist: dict) -> dict[str, dict]:
    samples = [s for section in ("training", "validation", "test") for s in datalist[section]]
    return {Path(s["image"]).relative_to(Path(s["image"]).parents[1]).as_posix(): s for s in samples}


def test_labels_and_subjects_from_names(tmp_path: Path) -> None:
    _touch(tmp_path, "healthy/a.png", "healthy/b.nii.gz", "healthy/notes.txt", "diseased/c.JPG")
    samples = _samples(make_folders_datalist(tmp_path))
    found = {name: (s["label"], s["subject"]) for name, s in samples.items()}
    assert found == {"healthy/a.png": (0, "a"), "healthy/b.nii.gz": (0, "b"), "diseased/c.JPG": (1, "c")}


def test_a_folder_below_the_class_is_a_patient(tmp_path: Path) -> None:
    names = [f"{c}/p{p}{c[0]}/{i}.png" for c in ("healthy", "diseased") for p in range(4) for i in range(3)]
    _touch(tmp_path, *names)
    datalist = make_folders_datalist(tmp_path, split=(0.5, 0.5, 0))
    assert [len({s["subject"] for s in datalist[section]}) for section in ("training", "validation")] == [4, 4]
    assert len(datalist["training"]) == 12


def test_subjects_by_expression(tmp_path: Path) -> None:
    _touch(tmp_path, "healthy/s1_v1.png", "healthy/s1_v2.png", "diseased/s2_v1.png")
    samples = _samples(make_folders_datalist(tmp_path, subject=r"/(s\d+)_"))
    assert sorted(s["subject"] for s in samples.values()) == ["s1", "s1", "s2"]
    with pytest.raises(DataError, match=r"s2_v1\.png: expected .* to match the subject pattern"):
        make_folders_datalist(tmp_path, subject=r"s1")


def test_masks(tmp_path: Path) -> None:
    _touch(tmp_path, "healthy/a.png", "healthy/b.png", "diseased/a.png", "masks/a.nii.gz", "masks/healthy/b.png")
    samples = _samples(make_folders_datalist(tmp_path))
    masks = {name: s.get("mask") for name, s in samples.items()}
    assert masks == {
        "healthy/a.png": None,  # the name alone speaks of the diseased image
        "healthy/b.png": str(tmp_path / "masks/healthy/b.png"),
        "diseased/a.png": str(tmp_path / "masks/a.nii.gz"),
    }


def test_a_mask_that_fits_images_of_several_classes_is_of_none(tmp_path: Path) -> None:
    _touch(tmp_path, "healthy/p0.png", *(f"{name}/p{i}.png" for name in "ab" for i in range(3)), "b/a/p2.png")
    _touch(tmp_path / "masks", "p0.png", "p1.png", "a/p1.png", "a/p2.png")
    datalist = make_folders_datalist(tmp_path, classes={"healthy": 0, "a": 1, "b": 2})
    masks = {name: s["mask"] for name, s in _samples(datalist).items() if "mask" in s}
    # who has a mask of its own leaves the other one to the other class
    expected = {"a/p1.png": "a/p1.png", "b/p1.png": "p1.png", "a/p2.png": "a/p2.png"}
    assert masks == {image: str(tmp_path / "masks" / mask) for image, mask in expected.items()}
    left_out = {Path(e["case"]).relative_to(tmp_path).as_posix(): e["reason"] for e in datalist["left_out"]}
    assert list(left_out) == ["a/p0.png", "b/p0.png", "b/a/p2.png"] and "unmatched" not in datalist
    assert f"found {tmp_path}/masks/p0.png for those of a, b: put it into masks/<class>/" in left_out["a/p0.png"]


def test_missing_and_empty_folders(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected the folders healthy/, diseased/, found an empty folder"):
        make_folders_datalist(tmp_path)
    _touch(tmp_path, "healthy/a.png")
    with pytest.raises(DataError, match=r"diseased: expected a folder with images .*, found nothing"):
        make_folders_datalist(tmp_path)
    _touch(tmp_path, "diseased/readme.txt")
    with pytest.raises(DataError, match=r"diseased: expected images .*, found none"):
        make_folders_datalist(tmp_path)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("p.nii.gz", ("p", ".nii.gz")),
        ("a/p.x.NII", ("a/p.x", ".NII")),
        ("p.png", ("p", ".png")),
        ("p.x.mha", ("p.x", ".mha")),
        ("p", ("p", "")),
    ],
)
def test_suffix_is_the_longest_known_one(name: str, parts: tuple[str, str]) -> None:
    assert split_suffix(name) == parts


def test_companions_are_no_patients_and_linked_ones_are(tmp_path: Path) -> None:
    for name in ("healthy", "diseased"):
        _touch(tmp_path / name, "p1/a.png", "p1/._a.png", ".ipynb_checkpoints/a-checkpoint.png", "__MACOSX/p1/a.png")
        _touch(tmp_path / "store" / name, "p2/a.PNG")
        (tmp_path / name / "p2").symlink_to(tmp_path / "store" / name / "p2")
    datalist = make_folders_datalist(tmp_path)
    images = [s["image"] for section in ("training", "validation", "test") for s in datalist[section]]
    names = sorted(Path(image).relative_to(tmp_path).as_posix() for image in images)
    assert names == ["diseased/p1/a.png", "diseased/p2/a.PNG", "healthy/p1/a.png", "healthy/p2/a.PNG"]


def test_masks_that_fit_no_image_and_two_that_do_are_named(tmp_path: Path) -> None:
    _touch(tmp_path / "healthy", "h.png")
    _touch(tmp_path / "diseased", "a.png", "b.png")
    _touch(tmp_path / "masks", "a_mask.png", "b.png", "b.nii.gz")
    datalist = make_folders_datalist(tmp_path)
    assert datalist["unmatched"] == ["masks/a_mask.png"]
    assert [Path(e["case"]).name for e in datalist["left_out"]] == ["b.png"]


@pytest.mark.parametrize("classes", ["healthy", {}, {"healthy": -1, "diseased": 1}, {"healthy": "yes"}])
def test_wrong_classes_are_refused(tmp_path: Path, classes: Any) -> None:
    _touch(tmp_path / "healthy", "h.png")
    with pytest.raises(DataError, match="classes"):
        make_folders_datalist(tmp_path, classes=classes)


def test_the_same_image_in_both_classes_is_an_error(tmp_path: Path) -> None:
    _touch(tmp_path / "healthy", "a.png")
    (tmp_path / "diseased").mkdir()
    (tmp_path / "diseased/a.png").symlink_to(tmp_path / "healthy/a.png")
    with pytest.raises(DataError, match=r"expected each image once, .*label 0 there and 1 here"):
        make_folders_datalist(tmp_path)


@pytest.mark.parametrize("one", ["healthy", "diseased"])
def test_a_class_that_becomes_one_patient_brings_a_warning(tmp_path: Path, one: str) -> None:
    _touch(
        tmp_path, *(f"{c}/{'scans' if c == one else f'p{i}'}/{i}.png" for c in ("healthy", "diseased") for i in "ab")
    )
    (warning,) = (note for note in make_folders_datalist(tmp_path)["notes"] if "WARNING" in note)
    assert "all 2 cases are read as one patient, 'scans'" in warning and "--subject" in warning


def test_images_of_a_format_that_is_not_read_are_named(tmp_path: Path) -> None:
    _touch(tmp_path, "healthy/a.png", "healthy/in/b.mgz", "diseased/c.png", "diseased/d.png")
    (left_out,) = make_folders_datalist(tmp_path)["left_out"]
    assert left_out["case"].endswith("healthy/in") and "b.mgz" in left_out["reason"]


def test_one_file_with_several_channels_and_folds(tmp_path: Path) -> None:
    _touch(tmp_path, *(f"{name}/{name[0]}{i}.png" for name in ("healthy", "diseased") for i in range(5)))
    rounds = [make_folders_datalist(tmp_path, modality=["t1", "flair"], folds=5, fold=fold) for fold in range(5)]
    assert rounds[0]["modalities"] == ["t1", "flair"]
    assert sorted(s["image"] for made in rounds for s in made["test"]) == sorted(
        s["image"] for section in ("training", "validation", "test") for s in rounds[0][section]
    )
