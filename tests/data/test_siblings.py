# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from monai_anomaly.data import find_siblings
from monai_anomaly.utils import DataError

MODALITIES = ["t1", "t1ce", "t2", "flair"]


@pytest.mark.parametrize(
    "names",
    [
        ["t1.nii.gz", "t1ce.nii.gz", "t2.nii.gz", "flair.nii.gz"],
        ["P_t1.nii.gz", "P_t1ce.nii", "P_t2.nii.gz", "P_FLAIR.nii.gz"],
        ["BraTS-1-t1n.nii.gz", "BraTS-1-t1c.nii.gz", "BraTS-1-t2w.nii.gz", "BraTS-1-t2f.nii.gz"],
        ["s_T1w.nii.gz", "s_T1gd.nii.gz", "s_T2w.nii.gz", "s_FLAIR.nii.gz"],
        ["p_t1_080.png", "p_t1ce_080.png", "p_t2_080.png", "p_flair_080.png"],
    ],
)
def test_any_file_of_a_case_finds_all(tmp_path: Path, names: list[str]) -> None:
    others = ["q_t1.nii.gz", "p_t1_081.png", "t1_twin.nii.gz", "P_seg.nii.gz", "notes.txt"]
    for name in [*names, *others]:
        (tmp_path / name).touch()
    for name in names:
        assert find_siblings(tmp_path / name, MODALITIES) == [str(tmp_path / n) for n in names]


def test_a_name_without_modality_has_none(tmp_path: Path) -> None:
    (tmp_path / "scan.nii.gz").touch()
    assert find_siblings(tmp_path / "scan.nii.gz", MODALITIES) == []


def test_missing_modalities_are_named(tmp_path: Path) -> None:
    for name in ("p_t1.nii.gz", "p_flair.nii.gz", "q_t2.nii.gz"):
        (tmp_path / name).touch()
    with pytest.raises(DataError, match=r"found none for \['t1ce', 't2'\]"):
        find_siblings(tmp_path / "p_flair.nii.gz", MODALITIES)


def test_the_file_asked_for_is_kept_beside_another_spelling_of_its_modality(tmp_path: Path) -> None:
    for name in ("p_t1.nii.gz", "p_t1c.nii.gz", "p_t1ce.nii.gz", "p_t2.nii.gz", "p_flair.nii.gz"):
        (tmp_path / name).touch()
    assert find_siblings(tmp_path / "p_t1ce.nii.gz", MODALITIES)[1].endswith("p_t1ce.nii.gz")
