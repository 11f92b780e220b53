# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from monai_anomaly.data.choose_series import check_frames, choose_series
from monai_anomaly.data.dicom_study import DicomSeries, DicomStudy
from monai_anomaly.utils import DataError

SEVERAL = (Path("a"), Path("b"))


def series(description: str, number: int = 1, modality: str = "MR", frames: tuple[str, ...] = ("1",)) -> DicomSeries:
    return DicomSeries(f"1.2.{number}", number, description, modality, False, SEVERAL, frames)


def study(*found: DicomSeries, patients: tuple[str, ...] = ("p",)) -> DicomStudy:
    return DicomStudy("1", patients[0], patients, "20240501", found)


def test_two_series_for_one_contrast_are_named() -> None:
    two = study(series("AX T2", 3), series("COR T2", 4))
    with pytest.raises(DataError, match=r't2: expected one series, found 2: 3 "AX T2", 4 "COR T2"; name it'):
        choose_series(two, ["t2"])
    assert choose_series(two, ["t2"], {"t2": "ax*"})["t2"].number == 3
    assert choose_series(two, ["t2"], {"t2": 4})["t2"].number == 4
    assert choose_series(two, ["t2"], {"t2": "1.2.3"})["t2"].number == 3


def test_a_named_series_serves_no_other_contrast() -> None:
    found = study(series("AX T1 FLAIR", 1), series("T2 FLAIR", 2), series("AX T1 FLAIR C", 3))
    chosen = choose_series(found, ["t1", "flair"], {"t1": 1})
    assert [one.number for one in chosen.values()] == [1, 2]
    with pytest.raises(DataError, match="flair: expected one series, found none"):
        choose_series(found, ["t1", "flair"], {"t1": "1.2.2"})


def test_a_number_that_is_another_contrast_in_this_study_is_refused() -> None:
    found = study(series("AX T1", 3), series("COR T2 TSE", 4))
    with pytest.raises(DataError, match=r'expected a t1ce in the series named 4, found 4 "COR T2 TSE", which is a t2'):
        choose_series(found, ["t1", "t1ce"], {"t1ce": 4})
    assert choose_series(found, ["t1", "t1ce"], {"t1ce": "cor t2*"})["t1ce"].number == 4


def test_the_only_image_needs_no_name_and_patients_are_not_mixed() -> None:
    xray = series("chest pa", 1, "DX")
    assert choose_series(study(xray), ["image"])["image"].number == 1
    with pytest.raises(DataError, match="expected a study of one patient, found 'p', 'q'"):
        choose_series(study(xray, patients=("p", "q")), ["image"])


def test_series_of_one_space() -> None:
    chosen = {"t1": series("T1", 1), "t2": series("T2", 2, frames=("2",))}
    check_frames(chosen, registered=True)
    with pytest.raises(DataError, match=r't2: expected the frame of reference of t1 1 "T1", found another in 2 "T2"'):
        check_frames(chosen, registered=False)
    for frames, found in (((), "none"), (("1", "2"), "2")):
        with pytest.raises(DataError, match=f"t1: expected one frame of reference in series .*, found {found}"):
            check_frames({"t1": series("T1", 1, frames=frames)}, registered=True)
