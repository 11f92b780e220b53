# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import warnings
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from monai_anomaly.data.dicom_study import read_studies
from tests.apps.dicom_study import write_series

pytest.importorskip("pydicom")


@pytest.fixture()
def scan(tmp_path: Path) -> Path:
    nib.save(nib.Nifti1Image(np.arange(60, dtype=np.int16).reshape(4, 5, 3), np.eye(4)), tmp_path / "scan.nii.gz")
    return tmp_path / "scan.nii.gz"


def test_what_is_told_of_a_series(scan: Path, tmp_path: Path) -> None:
    write_series(
        tmp_path / "in" / "deep", scan, 7, "AX T1", ContrastBolusAgent="Gadovist", ScanningSequence=["SE", "IR"]
    )
    write_series(tmp_path / "in", scan, 5, "SEG", Modality="SEG")
    (studies, problems) = read_studies(tmp_path / "in")
    assert not problems and len(studies) == 1
    (study,) = studies
    assert (study.patient_id, study.patients, study.date) == ("P7", ("P7",), "20240501")
    (series,) = study.series
    assert str(series) == '7 "AX T1"' and series.agent and series.sequence == ("IR", "SE")
    assert len(series.files) == 3 and len(series.frames) == 1


@pytest.mark.parametrize("agent", ["", "NO", "none given", "N/A", "ohne", "no contrast"])
def test_words_for_no_agent(agent: str, scan: Path, tmp_path: Path) -> None:
    write_series(tmp_path / "in", scan, ContrastBolusAgent=agent)
    assert not read_studies(tmp_path / "in")[0][0].series[0].agent


def test_without_an_id_names_and_birth_dates_tell_patients_apart(scan: Path, tmp_path: Path) -> None:
    for number, name in enumerate(("Doe^Jane", "DOE^JANE", "Roe^Richard"), 1):
        write_series(tmp_path / "in", scan, number, PatientID=None, PatientName=name)
    assert len(read_studies(tmp_path / "in")[0][0].patients) == 2


@pytest.mark.parametrize("size", range(140, 1100, 60))
def test_a_header_that_ends_early_is_named_or_is_not_read(size: int, scan: Path, tmp_path: Path) -> None:
    """Never is a file passed over that may be a slice."""
    write_series(tmp_path / "in", scan)
    whole = (tmp_path / "in" / "IM010001").read_bytes()
    (tmp_path / "in" / "IM010001").write_bytes(whole[:size])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        studies, problems = read_studies(tmp_path / "in")
    assert problems or len(studies[0].series[0].files) == 3
    assert all(reason.startswith(str(tmp_path / "in" / name)) for name, reason in problems.items())
