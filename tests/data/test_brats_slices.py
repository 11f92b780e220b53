# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from monai_anomaly.data import make_brats_slices_datalist
from monai_anomaly.utils import DataError

MODALITIES = ("t1", "t1ce", "t2", "flair")


def _save(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(values, np.eye(4)), path)


def _slice(root: Path, part: str, name: str, patient: int, number: int, lesion: bool) -> None:
    for modality in MODALITIES:
        path = root / part / name / f"brats_train_{patient:03d}_{modality}_{number:03d}_w.nii.gz"
        _save(path, np.ones((4, 4), np.float32))
    seg = root / part / name / f"brats_train_{patient:03d}_seg_{number:03d}_w.nii.gz"
    _save(root / "test_labels" / f"{name}-label.nii.gz" if part == "testing" else seg, np.eye(4) * 4.0 * lesion)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for patient in range(1, 6):
        for number in (80, 81):
            _slice(tmp_path, "training", f"{patient:03d}{number:03d}", patient, number, lesion=number == 81)
    _slice(tmp_path, "testing", "000247", 6, 90, lesion=True)
    _slice(tmp_path, "testing", "000248", 6, 91, lesion=False)
    return tmp_path


def test_sections_labels_and_slices(root: Path) -> None:
    datalist = make_brats_slices_datalist(root)
    assert [len(datalist[s]) for s in ("training", "validation", "test")] == [8, 2, 2]
    assert not {s["subject"] for s in datalist["training"]} & {s["subject"] for s in datalist["validation"]}
    assert {(s["slice"], s["label"]) for s in datalist["training"]} == {(80, 0), (81, 1)}
    assert {(s["slice"], s["label"]) for s in datalist["test"]} == {(90, 1), (91, 0)}
    assert [Path(f).name.split("_")[3] for f in datalist["training"][0]["image"]] == list(MODALITIES)


def test_incomplete_slices_are_left_out(root: Path) -> None:
    (root / "test_labels/000247-label.nii.gz").unlink()
    (root / "training/001080/brats_train_001_t2_080_w.nii.gz").unlink()
    (root / "training/002080/brats_train_002_seg_080_w.nii.gz").write_bytes(b"no image")
    left_out = {Path(e["case"]).name: e["reason"] for e in make_brats_slices_datalist(root)["left_out"]}
    assert left_out.keys() == {"000247", "001080", "002080"}
    assert "000247-label.nii.gz: expected the mask" in left_out["000247"]
    assert "expected t2, found only flair, seg, t1, t1ce" in left_out["001080"]
    assert "002_seg_080_w.nii.gz: expected a mask in NIfTI" in left_out["002080"]


def test_a_mask_whose_0_is_not_quite_0_has_no_lesion(root: Path) -> None:
    files = sorted(root.glob("training/*/*_seg_*")) + sorted(root.glob("test_labels/*"))
    before = make_brats_slices_datalist(root)
    for file in files:
        values = nib.Nifti1Image.from_filename(file).get_fdata().astype(np.float32)
        nib.save(nib.Nifti1Image(values + np.float32(3e-5), np.eye(4)), file)
    assert make_brats_slices_datalist(root) == before
    nib.save(nib.Nifti1Image(np.linspace(0, 1, values.size).reshape(values.shape), np.eye(4)), files[0])
    reasons = [entry["reason"] for entry in make_brats_slices_datalist(root)["left_out"]]
    assert len(reasons) == 1 and reasons[0].startswith(f"{files[0]}: expected a mask of whole numbers")


def test_a_patient_in_training_and_testing_is_refused(root: Path) -> None:
    _slice(root, "testing", "000249", 3, 80, lesion=True)
    with pytest.raises(DataError, match=r"in both \['003'\]"):
        make_brats_slices_datalist(root)


def test_only_a_test_folder(root: Path) -> None:
    (root / "training").rename(root / "elsewhere")
    datalist = make_brats_slices_datalist(root)
    assert [len(datalist[s]) for s in ("training", "validation", "test")] == [0, 0, 2]


def test_other_folders_are_named(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    with pytest.raises(DataError, match=r"expected slice folders in training/ or testing/, found \['images'\]"):
        make_brats_slices_datalist(tmp_path)


def test_the_slices_of_the_original_repository(shared: Callable[[str], Path]) -> None:
    datalist = make_brats_slices_datalist(shared("realdata/brats_slices"))
    assert [(s["subject"], s["slice"], s["label"]) for s in datalist["training"]] == [
        ("001", number, 1) for number in (80, 81, 82, 83)
    ]
    assert [(s["subject"], s["slice"], s["label"]) for s in datalist["test"]] == [("006", 81, 1)]


def test_companions_of_macos_capital_suffixes_and_links(root: Path) -> None:
    expected = make_brats_slices_datalist(root)
    for file in sorted(root.rglob("*.nii.gz")):
        file.with_name(f"._{file.name}").write_bytes(b"\0\5\26\7")
    (root / "store").mkdir()
    (root / "testing/000247").rename(root / "store/000247")
    (root / "testing/000247").symlink_to(root / "store/000247")
    label = root / "test_labels/000247-label.nii.gz"
    label.rename(label.with_name("000247-label.NII.GZ"))
    found = make_brats_slices_datalist(root)
    assert found["training"] == expected["training"] and found["left_out"] == []
    assert [s["image"] for s in found["test"]] == [s["image"] for s in expected["test"]]


def test_a_pattern_for_patients(root: Path) -> None:
    datalist = make_brats_slices_datalist(root, subject=r"train_0*(\d+)")
    assert {s["subject"] for s in datalist["training"]} <= {"1", "2", "3", "4", "5"}
