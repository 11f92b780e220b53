# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from monai_anomaly.data.patients import name_patients, patient_note
from monai_anomaly.utils import DataError

ROOT = Path("/set")


def _patients(*cases: tuple[str, str], **options: str) -> list[str]:
    return name_patients([ROOT / path for path, _ in cases], [stem for _, stem in cases], ROOT, **options)


@pytest.mark.parametrize(
    ("path", "stem", "patient"),
    [
        ("sub-01/ses-2/anat/sub-01_ses-2_T1w.nii", "sub-01_ses-2", "sub-01"),
        ("BraTS-MET-00001-002/x.nii", "BraTS-MET-00001-002", "BraTS-MET-00001"),
        ("BraTS-MEN-RT-0001-2/x.nii", "BraTS-MEN-RT-0001-2", "BraTS-MEN-RT-0001"),
        ("a/x.nii", "TCGA-02-0001_1998.08.01", "TCGA-02-0001"),
        ("a/x.nii", "UPENN-GBM-00001_11", "UPENN-GBM-00001"),
        ("a/x.nii", "UCSF-PDGM-0429_FU001d", "UCSF-PDGM-0429"),
        ("x.png", "00000013_005", "00000013"),
        ("x.nii", "ADNI_002_S_0295_MR_MPR__Br_20081001114556321_S13408_I13722", "002_S_0295"),
        ("OAS1_0001_MR2/x.nii", "OAS1_0001_MR2", "OAS1_0001"),
        ("x.jpeg", "person12_bacteria_47", "person12"),
        ("Patient-001/week-002-1/t1.nii", "", "Patient-001"),
        ("week-002/Patient-001/t1.nii", "", "Patient-001"),
        ("HGG/p7/t1.nii", "", "p7"),
        ("a/x.nii", "P7_visit2", "P7"),
        ("a/x.nii", "P7-2019-03-04", "P7"),
        ("a/x.nii", "PatientID_0003_Timepoint_1_brain", "PatientID_0003"),
        ("a/x.nii", "study_visit2_P7", "study_visit2_P7"),
        ("x.png", "BraTS20_Training_001_slice_80", "BraTS20_Training_001"),
        ("x.png", "P7_z012", "P7"),
        ("a/x.nii", "BraTS20_Training_001", "BraTS20_Training_001"),
        ("20230115/t1.nii", "", "20230115"),
        ("a/x.nii", "P7_20190304", "P7"),
        # of no month, of no day
        ("a/x.nii", "IXI-20201345", "IXI-20201345"),
        ("a/x.nii", "case_20020132", "case_20020132"),
    ],
)
def test_names_of_public_sets_and_plain_ones(path: str, stem: str, patient: str) -> None:
    assert _patients((path, stem)) == [patient]


@pytest.mark.parametrize(
    ("one", "other", "patient"),
    [
        ("P001_V1", "P001_V2", "P001"),
        ("P001_M00", "P001_M12", "P001"),
        ("P1_2019_01_02", "P1_2020_03_04", "P1"),
        ("P1_02.01.2019", "P1_03.04.2020", "P1"),
        ("P1-01-31-2019", "P1-31-01-2020", "P1"),
        ("P1_201901021530", "P1_202001021530", "P1"),
        ("P1_20190102_1530", "P1_2020-01-02T153000", "P1"),
        ("P1_2019_01_02_brain", "P1_02.03.2019_brain", "P1"),
        ("P001_L", "P001_R", "P001"),
        ("10_left", "10_right", "10"),
        ("P1-OD", "P1-OS", "P1"),
        ("P1_scan1", "P1_scan2", "P1"),
        ("P1_scan", "P1_run-02", "P1"),
        ("P1_MR1", "P1_MR2", "P1"),
        ("P1_BL", "P1_FU", "P1"),
        ("P1_left_V1", "P1_V2_L", "P1"),
        ("P1_V1_slice_80", "P1_V2_slice_81", "P1"),
    ],
)
def test_visits_and_sides_are_of_one_patient(one: str, other: str, patient: str) -> None:
    assert _patients(("a/1.nii", one), ("a/2.nii", other)) == [patient, patient]
    # as the name of a folder, too
    assert _patients((f"{one}/t1.nii", ""), (f"{other}/t1.nii", "")) == [patient, patient]


@pytest.mark.parametrize(
    "names", [["siteA_M1", "siteA_M2"], ["V1", "V2"], ["GBM_L", "GBM_R"], ["s_2019_0102", "s_2019_0103"]]
)
def test_short_marks_behind_no_number_and_parts_of_numbers_stay(names: list[str]) -> None:
    assert _patients(*((f"a/{name}.nii", name) for name in names)) == names


def test_a_name_that_all_cases_share_names_no_patient() -> None:
    assert _patients(("p1/scan_t1.nii", "scan"), ("p2/scan_t1.nii", "scan")) == ["p1", "p2"]
    # but visits are no patients either
    assert _patients(("visit1/P1_t1.nii", "P1"), ("visit2/P1_t1.nii", "P1")) == ["P1", "P1"]


def test_a_pattern_of_the_user() -> None:
    assert _patients(("a/x12_3.nii", "x12_3"), pattern=r"x(\d+)") == ["12"]
    assert _patients(("a/x12_3.nii", "x12_3"), pattern=r"x\d+") == ["x12"]
    for pattern in ("(", "q", "z*"):
        with pytest.raises(DataError, match="subject"):
            _patients(("a/x12_3.nii", "x12_3"), pattern=pattern)


@pytest.mark.parametrize("pattern", [None, "P"])
def test_a_set_that_becomes_one_patient_brings_a_warning(pattern: str | None) -> None:
    stems = ["P_20190304", "P_20190305"]
    files = [ROOT / f"{stem}.nii" for stem in stems]
    (note,) = patient_note(files, name_patients(files, stems, ROOT, pattern), ROOT, pattern)
    assert note.startswith("WARNING: all 2 cases are read as one patient, 'P'") and "--subject" in note
    assert not any(line.startswith("WARNING") for line in patient_note(files[:1], ["P"], ROOT, None))


@pytest.mark.parametrize(
    ("names", "warned"),
    [
        (["p01_080", "p01_081", "p02_080"], True),
        (["BraTS2021_00001", "BraTS2021_00002"], False),
        (["image_001", "image_002", "scan_001"], False),
        (["TCGA-02-0001", "TCGA-02-0002", "TCGA-06-0001"], False),
    ],
)
def test_a_second_number_that_may_count_slices_is_told_with_the_way_out(names: list[str], warned: bool) -> None:
    files = [ROOT / f"sick/{name}.png" for name in names]
    told = patient_note(files, names, ROOT, None)[1:]
    assert bool(told) == warned
    if warned:
        pattern = told[0].split("--subject '")[1].split("'")[0]
        assert name_patients(files, names, ROOT, pattern) == ["p01", "p01", "p02"]
