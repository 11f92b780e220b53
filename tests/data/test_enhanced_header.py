# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""What the header of enhanced MR says, and what contrast that makes of a description."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from monai_anomaly.data.dicom_study import DicomSeries, read_studies
from monai_anomaly.data.series_contrast import contrast_of
from tests.apps.dicom_study import write_series

pydicom = pytest.importorskip("pydicom")


def items(**values: Any) -> list[Any]:
    """A sequence of one item."""
    item = pydicom.Dataset()
    item.update(values)
    return [item]


def read(tmp_path: Path, description: str, **tags: Any) -> DicomSeries:
    nib.save(nib.Nifti1Image(np.ones((4, 5, 1), np.int16), np.eye(4)), tmp_path / "scan.nii.gz")
    write_series(tmp_path / "in", tmp_path / "scan.nii.gz", 1, description, **tags)
    return read_studies(tmp_path / "in")[0][0].series[0]


@pytest.mark.parametrize(
    ("agent", "contrast"), [("Gadobutrol", "t1ce"), ("None", "t1"), (None, "t1ce")], ids=["agent", "none", "no name"]
)
def test_a_contrast_agent(tmp_path: Path, agent: str | None, contrast: str) -> None:
    sequence = items(CodeMeaning=agent) if agent else items(CodeValue="1")
    assert contrast_of(read(tmp_path, "AX T1", ContrastBolusAgentSequence=sequence)) == contrast


@pytest.mark.parametrize("place", ["SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"])
@pytest.mark.parametrize(("given", "contrast"), [("NO", "t1"), ("YES", "t1ce")])
def test_an_agent_that_is_given_later(tmp_path: Path, place: str, given: str, contrast: str) -> None:
    """The agents of an examination are listed before they are given."""
    groups = items(ContrastBolusUsageSequence=items(ContrastBolusAgentAdministered=given))
    tags = {"ContrastBolusAgentSequence": items(CodeMeaning="Gadobutrol"), place: groups}
    assert contrast_of(read(tmp_path, "AX T1", **tags)) == contrast


def test_an_empty_list_of_agents_is_no_agent(tmp_path: Path) -> None:
    assert not read(tmp_path, "AX T1", ContrastBolusAgentSequence=[]).agent


@pytest.mark.parametrize(
    ("pulse", "planar", "contrast"),
    [("SPIN", "NO", "t2"), ("GRADIENT", "NO", None), ("BOTH", "NO", None), ("SPIN", "YES", None)],
)
def test_a_t2_of_a_gradient_echo_is_no_t2(tmp_path: Path, pulse: str, planar: str, contrast: str | None) -> None:
    series = read(tmp_path, "AX T2", EchoPulseSequence=pulse, EchoPlanarPulseSequence=planar)
    assert contrast_of(series) == contrast


@pytest.mark.parametrize("place", ["SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"])
def test_a_t2_with_inversion_is_no_t2(tmp_path: Path, place: str) -> None:
    groups = items(MRModifierSequence=items(InversionRecovery="YES"))
    series = read(tmp_path, "AX T2", **{place: groups})
    assert series.sequence == ("IR",) and contrast_of(series) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ComplexImageComponent", "PHASE"),
        ("ComplexImageComponent", "MIXED"),
        ("AcquisitionContrast", "PERFUSION"),
        ("AcquisitionContrast", "T2"),
        ("AcquisitionContrast", "FLUID_ATTENUATED"),
        ("VolumeBasedCalculationTechnique", "MAX_IP"),
    ],
)
def test_what_is_no_picture_of_the_weighting(tmp_path: Path, name: str, value: str) -> None:
    """Said of the whole, or of a frame."""
    groups = items(MRImageFrameTypeSequence=items(**{name: value}))
    for where, tags in {"whole": {name: value}, "frame": {"PerFrameFunctionalGroupsSequence": groups}}.items():
        (tmp_path / where).mkdir()
        assert contrast_of(read(tmp_path / where, "AX T1", **tags)) is None


@pytest.mark.parametrize(
    ("description", "weighting", "contrast"),
    [
        ("AX T1", "T1", "t1"),
        ("AX T1 MPRAGE", "UNKNOWN", "t1"),
        ("AX T2", "T2", "t2"),
        ("AX T2", "FLUID_ATTENUATED", None),
        ("AX T2", "T2_STAR", None),
        ("AX FLAIR", "FLUID_ATTENUATED", "flair"),
        ("AX T2 FLAIR", "T2", "flair"),
        ("AX FLAIR", "T1", None),
    ],
)
def test_a_weighting_that_the_header_names(
    tmp_path: Path, description: str, weighting: str, contrast: str | None
) -> None:
    computed = {"VolumeBasedCalculationTechnique": "NONE", "ComplexImageComponent": "MAGNITUDE"}
    assert contrast_of(read(tmp_path, description, AcquisitionContrast=weighting, **computed)) == contrast


def test_the_type_of_frames_counts(tmp_path: Path) -> None:
    kind = items(FrameType=["DERIVED", "PRIMARY", "SUBTRACTION", "NONE"])
    groups = items(MRImageFrameTypeSequence=kind)
    assert contrast_of(read(tmp_path, "AX T1", PerFrameFunctionalGroupsSequence=groups)) is None
