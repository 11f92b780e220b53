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
