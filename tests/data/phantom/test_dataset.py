# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from monai_anomaly.data.phantom import make_subject, write_phantom
from monai_anomaly.utils import DataError

SMALL = {"subjects": 5, "seed": 2, "spacing": 6.0, "lesions": ("tumour", "ms"), "progress": False}
CONTRASTS = ["t1", "t1ce", "t2", "flair"]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    root = tmp_path_factory.mktemp("phantom")
    write_phantom(root, **SMALL)
    return root


def contents(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def entries(root: Path) -> list[dict]:
    lists = json.loads((root / "datalist.json").read_text(encoding="utf-8"))
    return [e for split in ("training", "validation", "test") for e in lists[split]]


def test_datalist_lists_every_subject_once_with_the_same_keys(written):
    found = entries(written)
    assert sorted(e["subject"] for e in found) == [f"sub-{i:04d}" for i in range(1, 6)]
    assert {tuple(sorted(e)) for e in found} == {("image", "label", "lesion", "mask", "site", "subject", "twin")}
    for e in found:
        assert [Path(p).name for p in e["image"]] == [f"{c}.nii.gz" for c in CONTRASTS]
        assert all((written / p).is_file() for p in [*e["image"], *e["twin"], e["mask"]])
        assert e["label"] == (e["lesion"] != "healthy") == (e["twin"] != e["image"])
    assert json.loads((written / "datalist.json").read_text(encoding="utf-8"))["modalities"] == CONTRASTS
    assert {e["lesion"] for e in found} == {"tumour", "ms", "healthy"}


def test_files_hold_the_subject(written):
    for e in entries(written):
        seed = 20_000 + int(e["subject"][4:]) - 1
        s = make_subject(seed, e["site"], None if e["lesion"] == "healthy" else e["lesion"], 6.0)
        for role, volumes in (("image", s.image), ("twin", s.twin)):
            for path, volume in zip(e[role], volumes, strict=True):
                file = nib.load(written / path)
                assert np.allclose(file.affine, s.affine)
                assert np.allclose(file.get_fdata(), volume, atol=volume.max() / 2000)
        label = nib.load(written / e["mask"])
        assert np.array_equal(np.asanyarray(label.dataobj), s.label)
        assert bool(s.label.any()) == bool(e["label"])


def test_image_and_twin_are_stored_with_one_step(written):
    e = next(e for e in entries(written) if e["lesion"] == "ms")
    image, twin = (nib.load(written / e[k][3]).get_fdata() for k in ("image", "twin"))
    brain = twin > 0
    assert (image == twin)[brain].mean() > 0.7


def test_second_call_reuses_everything(written):
    before = {p: p.stat().st_mtime_ns for p in written.rglob("*.nii.gz")}
    assert write_phantom(written, **SMALL) == written / "datalist.json"
    assert before == {p: p.stat().st_mtime_ns for p in written.rglob("*.nii.gz")}


@pytest.mark.parametrize("damage", ["missing", "truncated", "one byte", "receipt", "unreadable receipt"])
def test_damage_is_made_good(tmp_path, damage):
    small = {**SMALL, "subjects": 2}
    write_phantom(tmp_path, **small)
    before = contents(tmp_path)
    victim, receipt = tmp_path / "sub-0002" / "flair.nii.gz", tmp_path / "sub-0002" / "files.json"
    data = victim.read_bytes()
    if damage == "missing":
        victim.unlink()
    elif damage == "truncated":
        victim.write_bytes(data[:-20])
    elif damage == "one byte":
        victim.write_bytes(data[:200] + bytes([data[200] ^ 1]) + data[201:])
    elif damage == "receipt":
        receipt.unlink()
    else:
        receipt.write_text("{")
    untouched = (tmp_path / "sub-0001" / "t1.nii.gz").stat().st_mtime_ns
    write_phantom(tmp_path, **small)
    assert contents(tmp_path) == before
    assert (tmp_path / "sub-0001" / "t1.nii.gz").stat().st_mtime_ns == untouched


def test_workers_write_the_same_bytes(written, tmp_path):
    write_phantom(tmp_path, **SMALL, workers=2)
    assert contents(tmp_path) == contents(written)


@pytest.mark.parametrize("change", [{"seed": 3}, {"subjects": 6}, {"spacing": 5.0}, {"sites": "AB"}])
def test_other_parameters_are_refused(written, change):
    with pytest.raises(DataError, match=next(iter(change))):
        write_phantom(written, **{**SMALL, **change})


def test_a_folder_with_other_files_is_refused(tmp_path):
    (tmp_path / "thesis.doc").write_text("precious")
    with pytest.raises(DataError, match="other files"):
        write_phantom(tmp_path, **SMALL)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.doc"]


def test_a_broken_manifest_is_named(tmp_path):
    (tmp_path / "phantom.json").write_text("{")
    with pytest.raises(DataError, match=r"phantom\.json"):
        write_phantom(tmp_path, **SMALL)


GROUPS = [
    {"site": "A", "lesion": "ms", "training": 1, "test": 1},
    {"site": "E", "lesion": None, "training": 1, "validation": 1},
    {"site": "F", "lesion": "ms", "training": 1, "severity": 0.5},
]
DESIGN = {"seed": 2, "spacing": 6.0, "progress": False, "groups": GROUPS}


@pytest.fixture(scope="module")
def designed(tmp_path_factory):
    root = tmp_path_factory.mktemp("design")
    write_phantom(root, **DESIGN, contrasts=["flair", "t1"], twin=False)
    return root


def test_a_design_is_written_with_the_images_that_are_wanted(designed):
    lists = json.loads((designed / "datalist.json").read_text(encoding="utf-8"))
    assert lists["modalities"] == ["flair", "t1"]
    assert [len(lists[split]) for split in ("training", "validation", "test")] == [3, 1, 1]
    for e in entries(designed):
        names = ["flair.nii.gz", "t1.nii.gz"]
        assert [Path(p).name for p in e["image"]] == names and "twin" not in e
        folder = (designed / e["mask"]).parent
        assert sorted(p.name for p in folder.iterdir()) == ["files.json", *names[:1], "seg.nii.gz", *names[1:]]
        assert bool(nib.load(designed / e["mask"]).get_fdata().any()) == bool(e["label"])
    assert {(e["site"], e["label"]) for e in entries(designed)} == {("A", 1), ("E", 0), ("F", 1)}


def test_a_file_does_not_depend_on_which_others_are_written(designed, tmp_path):
    write_phantom(tmp_path, **DESIGN)
    images = [p for p in contents(designed) if p.endswith(".nii.gz")]
    assert len(images) == 5 * 3
    assert all((tmp_path / p).read_bytes() == (designed / p).read_bytes() for p in images)


@pytest.mark.parametrize(
    "change", [{"groups": GROUPS[:2]}, {"contrasts": ["t1", "flair"]}, {"twin": True}, {"groups": None, "subjects": 5}]
)
def test_another_design_is_refused_and_the_same_one_reused(designed, change):
    arguments = {**DESIGN, "contrasts": ["flair", "t1"], "twin": False}
    before = {p: p.stat().st_mtime_ns for p in designed.rglob("*.nii.gz")}
    write_phantom(designed, **arguments)
    assert before == {p: p.stat().st_mtime_ns for p in designed.rglob("*.nii.gz")}
    with pytest.raises(DataError, match=f"holds another brain phantom: .*{next(iter(change))}"):
        write_phantom(designed, **{**arguments, **change})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"contrasts": []}, "contrasts"),
        ({"contrasts": ["t1", "t1"]}, "contrasts"),
        ({"contrasts": ["pd"]}, "contrasts"),
        ({"counterfactuals": [0.7], "twin": False}, "all contrasts and the twin"),
    ],
)
def test_bad_contrasts_leave_no_folder(tmp_path, arguments, message):
    with pytest.raises(DataError, match=message):
        write_phantom(tmp_path / "new", **SMALL, **arguments)
    assert not (tmp_path / "new").exists()
