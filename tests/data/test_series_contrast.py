# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from monai_anomaly.data.dicom_study import DicomSeries
from monai_anomaly.data.series_contrast import contrast_of


def series(description: str, modality: str = "MR", agent: bool = False, **header: tuple[str, ...]) -> DicomSeries:
    return DicomSeries("1.2", 1, description, modality, agent, (), **header)


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
        ("AX T1 no contrast", "t1"),
        ("AX T1 NO GAD", "t1"),
        ("t1_tse_tra vor KM", "t1"),
        ("t1_se_tra o. KM", "t1"),
        ("T1 prae KM", "t1"),
        ("AX T1 sin contraste", "t1"),
        ("T1 sans injection", "t1"),
        ("AX T1 W CON", "t1ce"),
        ("AX T1 W/CON", "t1ce"),
        ("AX T1 GAD W/O FS", "t1ce"),
        ("AX T1 +C without fat sat", "t1ce"),
        ("t1_tse_tra nach Kontrastmittel", "t1ce"),
        ("t1_se_tra_mKM", "t1ce"),
        ("T1 après injection", "t1ce"),
        ("AX T1 con civ", "t1ce"),
        ("T1C", "t1ce"),
        ("ceT1w", "t1ce"),
        ("sT1W_3D_TFE", "t1"),
        ("eT2W_TSE", "t2"),
        ("T2WI", "t2"),
        ("sFLAIR_longTR", "flair"),
        ("T2FLAIR", "flair"),
        ("t2_spc_da-fl_irprep_sag_p2_iso", "flair"),
        # two things, or words that may mean another sequence, another part of the body, or an operation
        ("AX T1 W/WO CONTRAST", None),
        ("AX T1 W WO", None),
        ("vor und nach KM T1", None),
        ("MPRAGE POST OP", None),
        ("AX T1 GD PRE-SURGERY", None),
        ("T1W_FFE T2", None),
        ("T2W_FFE", None),
        ("t2_fl2d_tra_hemo", None),
        ("t2_tirm_tra", None),
        ("SAG T2 C-SPINE", None),
        ("T1_KM_Substraktion", None),
        ("t1_vibe_dixon_tra_opp", None),
        ("T1 造影", None),
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


def test_the_header_contradicts_the_description() -> None:
    assert contrast_of(series("AX T2", sequence=("SE",))) == "t2"
    assert contrast_of(series("AX T2", sequence=("GR",))) is None  # T2*
    assert contrast_of(series("AX T2", sequence=("IR", "SE"))) is None  # a FLAIR
    assert contrast_of(series("AX FLAIR", sequence=("IR", "SE"))) == "flair"
    assert contrast_of(series("MPRAGE", sequence=("GR", "IR"))) == "t1"
    assert contrast_of(series("AX T1", image_type=("DERIVED", "PRIMARY", "SUBTRACTION"))) is None
