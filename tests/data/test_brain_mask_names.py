# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from monai_anomaly.data import is_mask_beside


@pytest.mark.parametrize(
    ("files", "beside"),
    [
        (["scan.nii.gz", "scan_bet.nii.gz", "other_mask.nii.gz"], ["scan_bet.nii.gz"]),
        (["scan.nii", "scan_bet.nii.gz"], ["scan_bet.nii.gz"]),  # HD-BET makes .nii.gz of .nii
        (["P_T1.nii", "P_T1_MASK.nii", "P_T1_Brain_mask.nii"], ["P_T1_Brain_mask.nii", "P_T1_MASK.nii"]),
        (["sub-[1]_T1w.nii.gz", "sub-[1]_desc-brain_mask.nii.gz"], ["sub-[1]_desc-brain_mask.nii.gz"]),
        (["p_t1.nii", "p_mask.nii", "mask.nii", "p_brain_mask.nii"], []),  # of the case, not of one scan
    ],
)
def test_what_was_made_of_a_scan_is_told_from_scans(tmp_path: Path, files: list[str], beside: list[str]) -> None:
    for name in files:
        (tmp_path / name).touch()
    assert sorted(p.name for p in tmp_path.iterdir() if is_mask_beside(p)) == beside
