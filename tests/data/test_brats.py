# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from monai_anomaly.data import make_brats_datalist
from monai_anomaly.utils import DataError

SECTIONS = ("training", "validation", "test")


def _case(root: Path, name: str, *suffixes: str, separator: str = "_", ending: str = ".nii.gz") -> None:
    (root / name).mkdir(parents=True)
    for suffix in suffixes:
        (root / name / f"{Path(name).name}{separator}{suffix}{ending}").touch()


def _samples(datalist: dict) -> list[dict]:
    return [sample for section in SECTIONS for sample in datalist[section]]


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
@pytest.mark.parametrize("name", ["BraTS20_Training_{:03d}", "HGG/BraTS2021_{:05d}"])
def test_brats_2020_and_2021(tmp_path: Path, name: str, ending: str) -> None:
    for i in range(10):
        _case(tmp_path, name.format(i), "t1", "t1ce", "t2", "flair", "seg", ending=ending)
    datalist = make_brats_datalist(tmp_path)
    assert [len(datalist[section]) for section in SECTIONS] == [8, 1, 1]
    assert {s["subject"] for s in _samples(datalist)} == {Path(name.format(i)).name for i in range(10)}
    for sample in _samples(datalist):
        endings = [path.split("_")[-1] for path in (*sample["image"], sample["mask"])]
        assert endings == [f"{m}{ending}" for m in ("t1", "t1ce", "t2", "flair", "seg")]
        assert sample["label"] == 1


def test_visits_of_a_patient_in_brats_2023_stay_together(tmp_path: Path) -> None:
    for patient in range(6):
        for visit in range(2):
            name = f"BraTS-GLI-{patient:05d}-{visit:03d}"
            _case(tmp_path, name, "t1n", "t1c", "t2w", "t2f", "seg", separator="-")
    datalist = make_brats_datalist(tmp_path, split=(0.5, 0.5, 0))
    assert all(len(datalist[section]) == 6 for section in SECTIONS[:2])
    assert len({s["subject"] for s in datalist["training"]}) == 3


def test_a_case_without_a_modality_or_segmentation_is_left_out(tmp_path: Path) -> None:
    _case(tmp_path, "c1", "t1", "t1ce", "t2", "flair", "seg")
    _case(tmp_path, "c2", "t1", "t1ce", "flair", "seg")
    _case(tmp_path, "c3", "t1", "t1ce", "t2", "flair")
    _case(tmp_path, "c4", "t1", "t1ce", "t2", "flair")
    (tmp_path / "c4/W39_1998.09.19_Segm.nii.gz").touch()  # as case 355 of BraTS 2020
    datalist = make_brats_datalist(tmp_path)
    assert sorted(s["subject"] for s in _samples(datalist)) == ["c1", "c4"]
    reasons = {Path(e["case"]).name: e["reason"].split(",")[0] for e in datalist["left_out"]}
    assert reasons == {"c2": "expected t2", "c3": "expected mask"}


def test_without_any_segmentation_every_case_is_used(tmp_path: Path) -> None:
    _case(tmp_path, "c1", "t1", "t1ce", "t2", "flair")
    assert "mask" not in make_brats_datalist(tmp_path)["training"][0]


def test_nothing_usable(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected NIfTI files <case>_<modality>.*found an empty folder"):
        make_brats_datalist(tmp_path)
    _case(tmp_path, "c2", "t1", "t1ce", "flair")
    with pytest.raises(DataError, match=r"c2: expected t2, found only c2_flair\.nii\.gz, c2_t1\.nii\.gz"):
        make_brats_datalist(tmp_path)


def test_plainly_named_files_of_real_cases(shared: Callable[[str], Path]) -> None:
    glioma = make_brats_datalist(shared("realdata/tcga_lgg"))["training"]
    assert [s["subject"] for s in glioma] == ["FG-6692"]
    assert Path(glioma[0]["mask"]).name == "seg_fused.nii.gz"
    ms = _samples(make_brats_datalist(shared("realdata/open_ms/cross_mni")))
    assert sorted(s["subject"] for s in ms) == ["p07", "p19"]
    assert [Path(file).name for file in ms[0]["image"]] == [f"{m}.nii.gz" for m in ("t1", "t1ce", "t2", "flair")]
