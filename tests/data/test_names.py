# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from monai_anomaly.data.names import NameReader

MODALITIES = ["t1", "t1ce", "t2", "flair"]


def _read(name: str, **options: str) -> tuple[str, str] | None:
    found = NameReader(MODALITIES, **options).read(Path(name))
    return None if found is None else (found.role, found.case)


@pytest.mark.parametrize(
    ("name", "role", "case"),
    [
        ("BraTS20_Training_001_t1ce.nii.gz", "t1ce", "BraTS20_Training_001"),
        ("BraTS-GLI-00000-000-t2f.nii.gz", "flair", "BraTS-GLI-00000-000"),
        ("T1.NII.GZ", "t1", ""),
        ("P_T1_080.png", "t1", "P_080"),
        ("TCGA-02-0001_1998.08.01_t1Gd.nii.gz", "t1ce", "TCGA-02-0001_1998.08.01"),
        ("p_T2_FLAIR.nii.gz", "flair", "p"),
        ("p-T1-post.nii.gz", "t1ce", "p"),
        ("p_flair_to_t1.nii.gz", "flair", "p"),
        ("sub-01_ses-2_run-1_T1w.nii.gz", "t1", "sub-01_ses-2"),
        ("sub-01_ce-gadolinium_T1w.nii.gz", "t1ce", "sub-01"),
        ("sub-01_space-T1w_FLAIR.nii.gz", "flair", "sub-01"),
        ("lesion_study_p1_t1.nii.gz", "t1", "lesion_study_p1"),
    ],
)
def test_modalities(name: str, role: str, case: str) -> None:
    assert _read(name) == (role, case)


@pytest.mark.parametrize(
    "name",
    [
        "p_seg",
        "p_Segm",
        "p_seg_fused",
        "p_mask",
        "p-lesion",
        "p_gtv",
        "p_label",
        "p_tumor_segmentation",
        "p_tumour",
        "p_GlistrBoost",
        "p_GlistrBoost_ManuallyCorrected",
        "p_roi",
        "p_flair_seg",
        "p_t1_lesion_mask",
        "p_seg_to_t1",
        "p_segmentation_T1",
    ],
)
def test_masks(name: str) -> None:
    found = _read(f"{name}.nii.gz")
    assert found is not None and found[0] == "mask" and found[1].split("_")[0] == "p"


@pytest.mark.parametrize(
    "name",
    [
        "p_t1_brainmask",
        "p_t1_bet_mask",
        "p_brain_mask",
        "p_bet_mask",
        "p_brain_segmentation",
        "sub-1_desc-brain_mask",
        "p_t1_flair",
        "p_adc",
        "seatbelt1",
    ],
)
def test_names_that_say_nothing_or_too_much(name: str) -> None:
    assert _read(f"{name}.nii.gz") is None


def test_one_spelling_of_the_mask_on_demand() -> None:
    assert _read("p_Wilma.nii.gz", mask="wilma") == ("mask", "p")
    assert _read("p_seg.nii.gz", mask="wilma") is None
    assert _read("p_t1_mask.nii.gz", mask="mask") == ("mask", "p")
    # the mask of the brain only by its own name
    assert _read("p_brain_mask.nii.gz", mask="mask") is None
    assert _read("p_brain_mask.nii.gz", mask="brain_mask") == ("mask", "p")
