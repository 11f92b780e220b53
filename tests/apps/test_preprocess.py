# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from monai_anomaly.apps.preprocess import preprocess
from monai_anomaly.apps.restore import restore
from monai_anomaly.data import load_datalist, save_datalist
from monai_anomaly.utils import DataError, OutputError

from ..preprocessing.test_brain_mr import write_person

QUICK = {"steps": ["strip"], "spacing": 4.0, "spatial_size": (42, 50, 42)}


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    for i in (1, 2):
        write_person(tmp_path / "raw" / f"p{i}", seed=i)
    return tmp_path / "raw"


def write(path: Path, value: float) -> None:
    nib.save(nib.Nifti1Image(np.full((20, 20, 20), value, np.float32), np.diag([4.0, 4, 4, 1])), path)


def times(folder: Path) -> dict[str, int]:
    return {str(p.relative_to(folder)): p.stat().st_mtime_ns for p in folder.rglob("*.nii.gz")}


def test_a_folder_is_done_once_and_what_fails_is_listed(raw: Path, tmp_path: Path, capsys) -> None:
    (raw / "p3").mkdir()
    for name in ("t1", "flair"):
        nib.save(
            nib.Nifti1Image(np.full((20, 20, 20), np.nan, np.float32), np.diag([4.0, 4, 4, 1])),
            raw / f"p3/{name}.nii.gz",
        )
    out = tmp_path / "out"
    preprocess(raw, out, modalities=("t1", "flair"), **QUICK)
    assert "2 done, 0 were done before, 1 failed" in capsys.readouterr().out
    failed = json.loads((out / "failed.json").read_text(encoding="utf-8"))
    assert [f["case"] for f in failed] == ["p3"] and "expected finite values" in failed[0]["reason"]
    expected = {
        "t1.nii.gz",
        "flair.nii.gz",
        "brain.nii.gz",
        "to_template.json",
        "to_template.tfm",
        "preprocessing.json",
        "preprocessing.png",
    }
    assert {p.name for p in (out / "p1").iterdir()} == expected
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "p1/preprocessing.png" in page and "expected finite values" in page
    before = times(out)
    preprocess(raw, out, modalities=("t1", "flair"), **QUICK)
    assert "0 done, 2 were done before" in capsys.readouterr().out and times(out) == before
    (out / "p1" / "brain.nii.gz").unlink()
    preprocess(raw, out, modalities=("t1", "flair"), **{**QUICK})
    assert "1 done, 1 were done before" in capsys.readouterr().out
    preprocess(raw, out, modalities=("t1", "flair"), **{**QUICK, "steps": []})
    assert "2 done, 0 were done before" in capsys.readouterr().out


def test_a_datalist_keeps_its_split_and_its_masks(raw: Path, tmp_path: Path) -> None:
    def entry(i: int, **more: object) -> dict:
        return {
            "image": [str(raw / f"p{i}/{m}.nii.gz") for m in ("t1", "flair")],
            "label": 1,
            "subject": f"p{i}",
            **more,
        }

    content = {"training": [entry(1, mask=str(raw / "p1/seg.nii.gz"))], "test": [entry(2), entry(2)]}
    save_datalist(tmp_path / "datalist.json", {"target": "A", "modalities": ["t1", "flair"], **content})
    preprocess(tmp_path / "datalist.json", tmp_path / "out", modalities=("t1", "flair"), workers=2, **QUICK)
    assert json.loads((tmp_path / "out" / "datalist.json").read_text(encoding="utf-8"))["target"] == "A"
    training = load_datalist(tmp_path / "out" / "datalist.json", "training", ["t1", "flair"])
    test = load_datalist(tmp_path / "out" / "datalist.json", "test", ["t1", "flair"])
    assert [s["subject"] for s in (*training, *test)] == ["p1", "p2", "p2"] and training[0]["label"] == 1
    assert Path(test[1]["image"][0]).parent.name == "p2_2"
    mask = np.asanyarray(nib.load(training[0]["mask"]).dataobj)
    assert mask.shape == (42, 50, 42) and set(np.unique(mask)) <= {0, 1, 2, 4} and mask.any()


def test_a_map_is_brought_back_by_its_file(raw: Path, tmp_path: Path, capsys) -> None:
    preprocess(raw / "p1" / "t1.nii.gz", tmp_path / "out", **QUICK)
    case = tmp_path / "out" / "t1"
    restore(case / "brain.nii.gz", case / "to_template.json", tmp_path / "brain.nii.gz")
    restore(case / "t1.nii.gz", case / "to_template.json", tmp_path / "t1.nii.gz")
    native = nib.load(raw / "p1" / "t1.nii.gz")
    for name, dtype in (("brain", np.uint8), ("t1", np.float32)):
        found = nib.load(tmp_path / f"{name}.nii.gz")
        assert found.shape == native.shape and found.get_data_dtype() == dtype
        np.testing.assert_allclose(found.affine, native.affine, atol=1e-5)
    true = native.get_fdata() > 0
    back = nib.load(tmp_path / "brain.nii.gz").get_fdata() > 0
    assert 2 * (back & true).sum() / (back.sum() + true.sum()) > 0.9
    with pytest.raises(DataError, match="expected the JSON of a transform"):
        restore(case / "t1.nii.gz", case / "none.json", tmp_path / "t1.nii.gz")


@pytest.mark.parametrize("forms", ["disagree", "neither", "microns"])
def test_a_restored_map_opens_where_the_scan_does(raw: Path, tmp_path: Path, forms: str) -> None:
    """Whichever form of the header a program believes; in the space of the template both say the same."""
    file = raw / "p1" / "t1.nii.gz"
    scan = nib.load(file)
    header, affine = scan.header, scan.affine
    unit = np.diag([1000 if forms == "microns" else 1] * 3 + [1])
    turned = affine @ np.array([[0, -1.0, 0, 40], [1.0, 0, 0, 7], [0, 0, 1.0, -9], [0, 0, 0, 1]])
    header.set_qform(None if forms == "neither" else unit @ turned, int(forms != "neither"))
    header.set_sform(unit @ affine, 0 if forms == "neither" else 1)
    header.set_xyzt_units("micron" if forms == "microns" else "mm")
    header.set_zooms(unit[0, 0] * np.linalg.norm(affine[:3, :3], axis=0))
    nib.save(nib.Nifti1Image(scan.get_fdata(dtype=np.float32), None, header), file)
    preprocess(file, tmp_path / "out", **QUICK)
    case = tmp_path / "out" / "t1"
    restore(case / "brain.nii.gz", case / "to_template.json", tmp_path / "brain.nii.gz")
    source, found, there = (nib.load(p) for p in (file, tmp_path / "brain.nii.gz", case / "brain.nii.gz"))
    for name in ("qform_code", "sform_code", "xyzt_units"):
        assert found.header[name] == source.header[name]
    np.testing.assert_array_equal(found.affine, source.affine)
    np.testing.assert_array_equal(found.header.get_qform(), source.header.get_qform())
    np.testing.assert_allclose(there.header.get_qform(), there.affine, atol=1e-4)
    assert there.header["qform_code"] == there.header["sform_code"] == 2  # not registered, so not MNI


def test_a_full_disk_ends_the_work_which_is_resumed_from_there(raw: Path, tmp_path: Path, capsys, monkeypatch) -> None:
    replace = os.replace

    def full(written: Path, path: Path) -> None:
        if path.parent.name == "p2" and path.name == "t1.nii.gz":
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(written, path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(OutputError, match=r"p2/t1\.nii\.gz: could not be written: No space left on device"):
            preprocess(raw, tmp_path / "out", modalities=("t1", "flair"), **QUICK)
    assert not list((tmp_path / "out").rglob(".tmp*"))
    preprocess(raw, tmp_path / "out", modalities=("t1", "flair"), **QUICK)
    assert "1 done, 1 were done before, 0 failed" in capsys.readouterr().out


def test_a_folder_in_which_all_fails_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    write(tmp_path / "raw/a.nii.gz", 0)
    with pytest.raises(DataError, match=r"expected a scan that can be preprocessed, found none: .*only the value 0"):
        preprocess(tmp_path / "raw", tmp_path / "out", **QUICK)
    with pytest.raises(DataError, match="found nothing"):
        preprocess(tmp_path / "nowhere", tmp_path / "out", **QUICK)


def test_masks_beside_scans_and_earlier_results_are_no_cases(raw: Path, tmp_path: Path, capsys) -> None:
    scan = nib.load(raw / "p1" / "t1.nii.gz")
    mask = (scan.get_fdata() > 0).astype(np.uint8)
    nib.save(nib.Nifti1Image(mask, scan.affine), raw / "p1" / "t1_bet.nii.gz")
    for modalities in (("t1", "flair"), ("t1",)):
        preprocess(raw, raw / "out", modalities=modalities, **QUICK)
        assert "2 done" in capsys.readouterr().out
        preprocess(raw, raw / "out", modalities=modalities, **QUICK)
        assert "0 done, 2 were done before, 0 failed" in capsys.readouterr().out
    reports = [
        json.loads(p.read_text(encoding="utf-8"))["brain"]["method"]
        for p in sorted((raw / "out").glob("*/preprocessing.json"))
    ]
    assert sorted(reports)[0] == "file"
    # another mask is another result
    mask[:, :, :20] = 0
    nib.save(nib.Nifti1Image(mask, scan.affine), raw / "p1" / "t1_bet.nii.gz")
    preprocess(raw, raw / "out", modalities=("t1",), **QUICK)
    assert "1 done, 1 were done before" in capsys.readouterr().out


def test_earlier_results_behind_a_link_are_no_cases(raw: Path, tmp_path: Path, capsys) -> None:
    (tmp_path / "link").symlink_to(raw.parent, target_is_directory=True)
    folder = tmp_path / "link" / raw.name
    for _ in range(2):
        preprocess(folder, folder / "out", modalities=("t1",), **QUICK)
    assert "0 done, 2 were done before, 0 failed" in capsys.readouterr().out


def test_a_datalist_written_to_a_relative_folder_can_be_read(raw: Path, tmp_path: Path, monkeypatch) -> None:
    samples = [{"image": [str(raw / "p1/t1.nii.gz")], "subject": name} for name in ("a", "a", "a_2", "b/c")]
    save_datalist(tmp_path / "datalist.json", {"modalities": ["t1"], "test": samples})
    monkeypatch.chdir(tmp_path)
    preprocess("datalist.json", "out", **QUICK)
    written = load_datalist(tmp_path / "out" / "datalist.json", "test", ["t1"])
    assert [s["subject"] for s in written] == ["a", "a", "a_2", "b/c"]
    assert len({s["image"][0] for s in written}) == 4


def test_one_file_where_two_are_wanted_is_one_failure(raw: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected a scan for each of \['t1', 'flair'\], found 1 in all"):
        preprocess(raw / "p1" / "seg.nii.gz", tmp_path / "out", modalities=("t1", "flair"), **QUICK)


@pytest.mark.parametrize("wrong", [{"steps": "n5"}, {"extraction": "magic"}, {"sharpen": True}])
def test_a_wrong_setting_is_one_line(raw: Path, tmp_path: Path, wrong: dict) -> None:
    with pytest.raises(DataError, match=r"^preprocessing: "):
        preprocess(raw, tmp_path / "out", **wrong)


def test_a_run_that_was_cut_off_does_not_vouch_for_files_of_another(raw: Path, tmp_path: Path, monkeypatch) -> None:
    scan, out = raw / "p1" / "t1.nii.gz", tmp_path / "out"
    preprocess(scan, out, **QUICK)
    with monkeypatch.context() as patch:
        patch.setattr("monai_anomaly.preprocessing.case_files.preprocessing_figure", None)  # the run ends here
        with pytest.raises(DataError, match="TypeError"):
            preprocess(scan, out, **{**QUICK, "steps": []})
    assert not (out / "t1" / "preprocessing.json").exists()


def test_labels_come_back_as_labels(raw: Path, tmp_path: Path) -> None:
    samples = [{"image": [str(raw / "p1/t1.nii.gz")], "mask": str(raw / "p1/seg.nii.gz"), "subject": "p1"}]
    save_datalist(tmp_path / "datalist.json", {"modalities": ["t1"], "test": samples})
    preprocess(tmp_path / "datalist.json", tmp_path / "out", **QUICK)
    case = tmp_path / "out" / "p1"
    restore(case / "mask.nii.gz", case / "to_template.json", tmp_path / "mask.nii.gz")
    assert set(np.unique(np.asanyarray(nib.load(tmp_path / "mask.nii.gz").dataobj))) == {0, 1, 2, 4}
