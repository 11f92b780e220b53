# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from monai_anomaly.data import find_brain_mask
from monai_anomaly.utils import DataError

HEAD = np.random.default_rng(0).integers(1, 100, (6, 7, 8)).astype(np.int16)
MASK = np.zeros(HEAD.shape, np.uint8)
MASK[1:5, 2:6, 2:7] = 1


def write(folder: Path, **files: np.ndarray) -> None:
    for name, values in files.items():
        nib.save(nib.Nifti1Image(values, np.eye(4)), folder / f"{name}.nii.gz")


@pytest.mark.parametrize(
    ("image", "files", "mask"),
    [
        ("scan", {"scan_bet": MASK, "scan_brain": HEAD * MASK}, "scan_bet"),  # HD-BET 2.x
        ("scan", {"scan_bet": HEAD * MASK, "scan_bet_mask": MASK}, "scan_bet_mask"),  # HD-BET 1.x
        ("scan_bet", {"scan_bet": HEAD * MASK, "scan_bet_mask": MASK}, "scan_bet_mask"),  # its stripped volume
        ("scan_brain", {"scan_brain": HEAD * MASK, "scan_bet": MASK}, "scan_bet"),
        ("scan", {"scan_mask": 255 * MASK}, "scan_mask"),
        ("sub-1_T1w", {"sub-1_desc-brain_mask": MASK}, "sub-1_desc-brain_mask"),
        ("scan", {"scan_mask": MASK, "scan_bet": MASK}, "scan_bet"),  # two names, one mask
        ("scan", {"other_mask": MASK}, None),
        ("scan", {"scan_bet": HEAD * MASK}, "scan_bet"),  # 1.x without its mask: the brain itself
        ("scan", {"scan_brain": HEAD * MASK}, "scan_brain"),
        ("damaskus_t1", {"damaskus_t1_bet": HEAD * MASK}, "damaskus_t1_bet"),
    ],
)
def test_mask_is_found_by_name_and_content(
    tmp_path: Path, image: str, files: dict[str, np.ndarray], mask: str | None
) -> None:
    write(tmp_path, **{image: HEAD, **files})
    found = find_brain_mask(tmp_path / f"{image}.nii.gz")
    assert found == (None if mask is None else tmp_path / f"{mask}.nii.gz")


def test_an_image_named_as_a_mask_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, scan=HEAD, scan_mask=HEAD)
    with pytest.raises(DataError, match=r"scan_mask.nii.gz: expected a brain mask"):
        find_brain_mask(tmp_path / "scan.nii.gz")


def test_two_masks_that_differ_are_an_error(tmp_path: Path) -> None:
    write(tmp_path, scan=HEAD, scan_mask=MASK, scan_bet=1 - MASK)
    with pytest.raises(DataError, match=r"expected one brain mask beside it, found scan_bet.nii.gz and scan_mask"):
        find_brain_mask(tmp_path / "scan.nii.gz")


def test_a_mask_of_a_lesion_is_not_that_of_the_brain(tmp_path: Path) -> None:
    write(tmp_path, scan=HEAD, scan_mask=MASK, scan_bet=1 - MASK)
    assert find_brain_mask(tmp_path / "scan.nii.gz", exclude=[tmp_path / "scan_mask.nii.gz"]).name == "scan_bet.nii.gz"


def test_a_damaged_mask_is_named(tmp_path: Path) -> None:
    write(tmp_path, scan=HEAD)
    (tmp_path / "scan_mask.nii.gz").write_bytes(b"damaged")
    with pytest.raises(DataError, match=r"scan_mask.nii.gz: expected a brain mask in NIfTI"):
        find_brain_mask(tmp_path / "scan.nii.gz")


def test_a_mask_with_another_suffix_than_its_scan(tmp_path: Path) -> None:
    nib.save(nib.Nifti1Image(HEAD, np.eye(4)), tmp_path / "scan.nii")
    write(tmp_path, scan_bet=MASK)
    (tmp_path / "._scan_bet.nii.gz").write_bytes(b"\0\5\26\7")
    assert find_brain_mask(tmp_path / "scan.nii") == tmp_path / "scan_bet.nii.gz"
