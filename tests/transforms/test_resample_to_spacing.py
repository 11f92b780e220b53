# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Compose, Invertd, Orientationd

from monai_anomaly.transforms import ResampleToSpacingd
from monai_anomaly.utils import DataError

# left, posterior, superior; oblique; 1.2 x 0.8 x 3 mm
ROTATION = np.array([[-0.98, 0.0, 0.199], [0.0, -1.0, 0.0], [0.199, 0.0, 0.98]])
AFFINE = np.block([[ROTATION @ np.diag([1.2, 0.8, 3.0]), np.array([[60.0], [50.0], [-30.0]])], [np.zeros(3), 1.0]])


def _image(channels: int = 2) -> MetaTensor:
    """A smooth blob, (C, 30, 36, 12)."""
    shape = np.array([30, 36, 12])
    grid = (np.indices(shape).transpose(1, 2, 3, 0) - (shape - 1) / 2) / shape
    blob = torch.from_numpy(np.exp(-20 * (grid**2).sum(-1)).astype(np.float32))
    return MetaTensor(blob.expand(channels, *shape).clone(), affine=AFFINE, meta={"filename_or_obj": "a.nii.gz"})


def test_the_voxel_size_is_reached_and_the_place_kept() -> None:
    out = ResampleToSpacingd("image", (1.0, 1.0, 1.0))({"image": _image()})["image"]
    np.testing.assert_allclose(nib.affines.voxel_sizes(out.affine.numpy()), 1.0, atol=1e-6)
    centers = [nib.affines.apply_affine(i.affine.numpy(), (np.array(i.shape[1:]) - 1) / 2) for i in (_image(), out)]
    np.testing.assert_allclose(centers[0], centers[1], atol=1.0)


@pytest.mark.parametrize("keep", [0, -1])
def test_an_axis_keeps_its_spacing(keep: float) -> None:
    out = ResampleToSpacingd("image", (1.0, 1.0, keep))({"image": _image()})["image"]
    np.testing.assert_allclose(nib.affines.voxel_sizes(out.affine.numpy()), (1.0, 1.0, 3.0), atol=1e-5)
    assert out.shape[-1] == 12


@pytest.mark.parametrize("orient", [False, True])
def test_invertd_returns_to_the_original_grid(orient: bool) -> None:
    image = _image()
    steps = [Orientationd("image", "RAS", labels=None)] if orient else []
    preprocessing = Compose([*steps, ResampleToSpacingd("image", (1.0, 1.0, 1.0))])
    sample = preprocessing({"image": image})
    assert sample["image"].shape != image.shape
    sample["pred"] = MetaTensor(sample["image"].as_tensor().clone())
    inverted = Invertd("pred", preprocessing, "image", nearest_interp=False)(sample)["pred"]
    assert inverted.shape == image.shape
    np.testing.assert_allclose(inverted.affine, AFFINE, atol=1e-4)
    assert float((inverted - image).abs().max()) < 0.06


def test_masks_stay_masks() -> None:
    mask = (_image(1) > 0.5).float() * 4
    sample = {"image": _image(), "mask": mask}
    out = ResampleToSpacingd(["image", "mask"], 1.0, mode=["bilinear", "nearest"])(sample)
    assert out["mask"].shape[1:] == out["image"].shape[1:]
    assert set(out["mask"].unique().tolist()) == {0.0, 4.0}


def test_other_entries_are_not_touched() -> None:
    sample = {"image": _image(), "image_path": "a.nii.gz", "label": 1}  # as MONAI Label has it
    out = ResampleToSpacingd("image", 2.0)(sample)
    assert out["image_path"] == "a.nii.gz" and out["label"] == 1


@pytest.mark.parametrize("scale", [90.0, 0.01])
def test_a_result_that_no_memory_holds_or_that_is_one_voxel_is_refused(scale: float) -> None:
    image = _image()
    image.affine = torch.from_numpy(np.diag([scale, scale, scale, 1.0]) @ AFFINE)
    with pytest.raises(DataError, match=r"a\.nii\.gz: expected .* voxels of 1 x 1 x 1 mm, found .* make it "):
        ResampleToSpacingd("image", 1.0)({"image": image})
