# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from monai_anomaly.data.dicom_study import DicomSeries, DicomStudy
from monai_anomaly.data.series_contrast import choose_series, contrast_of
from monai_anomaly.utils import DataError


def series(description: str, number: int = 1, modality: str = "MR", agent: bool = False) -> DicomSeries:
    return DicomSeries(f"1.2.{number}", number, description, modality, agent, ())


@pytest.mark.parametrize(
    ("description", "contrast"),
    [
        ("AX T1 SE", "t1"),
        ("t1_mprage_sag_p2_iso", "t1"),
        ("t1_tse_tra nativ", "t1"),
        ("SAG T1 PRE CONTRAST", "t1"),
        ("T1 WITHOUT GAD", "t1"),
        ("Ax T1 w/o contrast", "t1"),
        ("T1 non-contrast", "t1"),
        ("3D BRAVO +C", "t1ce"),
        ("t1_mprage_tra_KM", "t1ce"),
        ("AX T1 POST GADOLINIUM", "t1ce"),
        ("Ax T1 C+", "t1ce"),
        ("T1W CE", "t1ce"),
        ("T1 + Gd", "t1ce"),
        ("t2_tse_tra_512", "t2"),
        ("T2W_TSE POST", "t2"),
        ("AX T2 FLAIR", "flair"),
        ("t2_space_dark-fluid_sag", "flair"),
        ("3D FLAIR POST", "flair"),
        ("AX T1 FLAIR", None),  # GE: a T1
        ("T1 pre and post", None),
        ("T2* GRE", None),
        ("T2 STAR", None),
        ("ep2d_diff_3scan_trace_ADC", None),
        ("T1 subtraction", None),
        ("Localizer T1", None),
        ("MPR T1", None),
        ("axial", None),
        ("", None),
    ],
)
def test_descriptions(description: str, contrast: str | None) -> None:
    assert contrast_of(series(description)) == contrast


def test_the_agent_tells_two_t1_apart_unless_the_description_does() -> None:
    assert contrast_of(series("AX T1", agent=True)) == "t1ce"
    assert contrast_of(series("AX T1 PRE", agent=True)) == "t1"
    assert contrast_of(series("AX T2", agent=True)) == "t2"
    assert contrast_of(series("AX T1", modality="CT")) is None


def test_two_series_for_one_contrast_are_named() -> None:
    study = DicomStudy("1", ("p",), "2024", (series("AX T2", 3), series("COR T2", 4)))
    with pytest.raises(DataError, match=r'p_2024: t2: expected one series, found 2: 3 "AX T2", 4 "COR T2"; name it'):
        choose_series(study, ["t2"])
    assert choose_series(study, ["t2"], {"t2": "ax*"})["t2"].number == 3
    assert choose_series(study, ["t2"], {"t2": 4})["t2"].number == 4
    assert choose_series(study, ["t2"], {"t2": "1.2.3"})["t2"].number == 3


def test_a_named_series_serves_no_other_contrast() -> None:
    study = DicomStudy("1", ("p",), "", (series("AX T1 FLAIR", 1), series("T2 FLAIR", 2), series("AX T1 FLAIR C", 3)))
    chosen = choose_series(study, ["t1", "flair"], {"t1": 1})
    assert [one.number for one in chosen.values()] == [1, 2]
    with pytest.raises(DataError, match="flair: expected one series, found none"):
        choose_series(study, ["t1", "flair"], {"t1": 2})


def test_the_only_image_needs_no_name_and_patients_are_not_mixed() -> None:
    study = DicomStudy("1", ("p",), "", (series("chest pa", 1, "DX"),))
    assert choose_series(study, ["image"])["image"].number == 1
    mixed = DicomStudy("1", ("p", "q"), "", study.series)
    with pytest.raises(DataError, match="p_q: expected a study of one patient, found 'p', 'q'"):
        choose_series(mixed, ["image"])
