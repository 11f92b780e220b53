# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from monai_anomaly.preprocessing import load_scan
from monai_anomaly.preprocessing.load_scan import load_mask
from monai_anomaly.utils import DataError

from ..transforms.dicom_files import VALUES, write_dicom


def test_a_dicom_series_is_read_in_ras(tmp_path: Path) -> None:
    write_dicom(tmp_path / "series")
    image = load_scan(tmp_path / "series")
    np.testing.assert_array_equal(np.asarray(image[0]), VALUES[::-1, ::-1])  # DICOM is LPS
    np.testing.assert_allclose(image.affine, [[2, 0, 0, -58], [0, 3, 0, -117], [0, 0, 4, 0], [0, 0, 0, 1]])
    np.testing.assert_allclose(image.meta["native_affine"], np.diag([-2, -3, 4, 1]))


def test_a_scan_of_any_type_and_orientation_becomes_float_and_ras(tmp_path: Path) -> None:
    affine = np.array([[0, -2.0, 0.2, 60], [1.9, 0, 0, -7], [0, 0.1, 3, 2], [0, 0, 0, 1]])
    nib.save(nib.Nifti1Image(VALUES, affine), tmp_path / "scan.nii.gz")
    image = load_scan(tmp_path / "scan.nii.gz")
    assert image.dtype.is_floating_point and image.shape == (1, 40, 30, 20)
    assert image.meta["native_shape"] == (30, 40, 20)
    np.testing.assert_allclose(image.meta["native_affine"], affine)


def test_a_mask_lands_on_the_grid_of_its_scan(tmp_path: Path) -> None:
    nib.save(nib.Nifti1Image(VALUES, np.diag([2.0, 2, 3, 1])), tmp_path / "scan.nii.gz")
    mask = (VALUES > 250).astype(np.uint8)
    flip = np.diag([-2.0, 2, 3, 1])
    flip[0, 3] = 2 * 29
    nib.save(nib.Nifti1Image(mask[::-1], flip), tmp_path / "mask.nii.gz")
    found = load_mask(tmp_path / "mask.nii.gz", load_scan(tmp_path / "scan.nii.gz"))
    np.testing.assert_array_equal(np.asarray(found[0]), mask)
    nib.save(nib.Nifti1Image(np.stack([mask, mask], -1), flip), tmp_path / "two.nii.gz")
    with pytest.raises(DataError, match="expected a mask of 3 axes"):
        load_mask(tmp_path / "two.nii.gz", load_scan(tmp_path / "scan.nii.gz"))


@pytest.mark.parametrize(("shift", "inside"), [(0.8, True), (12.0, False), (900.0, False)])
def test_a_mask_outside_of_its_scan_is_an_error(tmp_path: Path, shift: float, inside: bool) -> None:
    """A header of its own would make it empty, or another lesion, without a word."""
    nib.save(nib.Nifti1Image(VALUES, np.diag([2.0, 2, 3, 1])), tmp_path / "scan.nii.gz")
    mask, moved = np.zeros(VALUES.shape, np.uint8), np.diag([2.0, 2, 3, 1])
    mask[:25, 5:30, 5:15] = 1
    moved[0, 3] = -shift
    nib.save(nib.Nifti1Image(mask, moved), tmp_path / "mask.nii.gz")
    scan = load_scan(tmp_path / "scan.nii.gz")
    if inside:
        assert int(load_mask(tmp_path / "mask.nii.gz", scan).sum()) == mask.sum()
        return
    with pytest.raises(
        DataError, match=r"mask\.nii\.gz: expected a mask of .*scan\.nii\.gz, found one of which \d+% lie"
    ):
        load_mask(tmp_path / "mask.nii.gz", scan)
