# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from monai_anomaly.utils.native_image import array_plane, volume_affine, voxel_volume, write_image

# voxels of 2 x 3 x 4 mm
AFFINE = torch.tensor([[0.0, -3, 0, 5], [-2, 0, 0, -7], [0, 0, 4, 11], [0, 0, 0, 1]], dtype=torch.float64)


def test_geometry_of_volumes_slices_and_plain_tensors() -> None:
    volume = MetaTensor(torch.zeros(1, 2, 2, 2), affine=AFFINE)
    np.testing.assert_array_equal(volume_affine(volume), AFFINE)
    assert voxel_volume(volume) == pytest.approx(24)
    flat = torch.zeros(1, 2, 2)
    flat.affine = torch.tensor([[2.0, 0, 5], [0, 3, 7], [0, 0, 1]])  # type: ignore[attr-defined]
    np.testing.assert_array_equal(volume_affine(flat), [[2, 0, 0, 5], [0, 3, 0, 7], [0, 0, 1, 0], [0, 0, 0, 1]])
    np.testing.assert_array_equal(volume_affine(torch.zeros(1, 2, 2)), np.eye(4))


@pytest.mark.parametrize(
    ("axes", "plane"), [((0, 1), "axial"), ((1, 0), "axial"), ((0, 2), "coronal"), ((2, 1), "sagittal")]
)
def test_the_plane_of_the_first_two_axes(axes: tuple[int, int], plane: str) -> None:
    third = ({0, 1, 2} - set(axes)).pop()
    affine = np.eye(4)
    affine[:3, :3] = np.eye(3)[:, [*axes, third]] * [-2, 3, 4] + 0.2
    assert array_plane(MetaTensor(torch.zeros(1, 4, 5), affine=affine)) == plane
    assert array_plane(torch.zeros(1, 4, 5)) == "axial"


def test_several_channels_lie_along_the_last_axis(tmp_path: Path) -> None:
    image = MetaTensor(torch.rand(3, 4, 5, 6), affine=AFFINE)
    write_image(tmp_path / "new" / "several.nii.gz", image)
    write_image(tmp_path / "new" / "one.nii.gz", image[:1] > 0.5, np.uint8)
    several, one = (nib.load(tmp_path / "new" / f"{name}.nii.gz") for name in ("several", "one"))
    np.testing.assert_array_equal(several.get_fdata(dtype=np.float32), np.moveaxis(image.numpy(), 0, -1))
    assert one.shape == (4, 5, 6) and one.get_data_dtype() == np.uint8
    np.testing.assert_allclose(one.affine, AFFINE)


def test_channels_of_a_slice_are_no_third_axis_of_space(tmp_path: Path) -> None:
    """On the grid of the file, in the words of its header, as each channel alone."""
    affine = np.array([[1.0, 0, 0, 0], [0, 0, 1, 0], [0, 3, 0, 0], [0, 0, 0, 1]])
    source = nib.Nifti1Image(np.zeros((8, 6), np.float32), affine)
    source.header.set_sform(affine, 4)
    source.header.set_qform(affine, 0)
    nib.save(source, tmp_path / "scan.nii.gz")
    meta = {"filename_or_obj": str(tmp_path / "scan.nii.gz")}
    image = MetaTensor(torch.rand(2, 8, 6), affine=torch.as_tensor(affine), meta=meta)
    write_image(tmp_path / "both.nii.gz", image)
    write_image(tmp_path / "one.nii.gz", image[:1])
    both, one = (nib.load(tmp_path / f"{name}.nii.gz") for name in ("both", "one"))
    assert both.shape == (8, 6, 1, 2) and one.shape == (8, 6)
    np.testing.assert_array_equal(both.get_fdata(dtype=np.float32)[:, :, 0], np.moveaxis(image.numpy(), 0, -1))
    for found in (both, one):
        assert (int(found.header["qform_code"]), int(found.header["sform_code"])) == (0, 4)
        np.testing.assert_allclose(found.affine, affine)
