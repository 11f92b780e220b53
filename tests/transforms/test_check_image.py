# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from monai_anomaly.transforms import CheckImage, CheckImaged
from monai_anomaly.transforms.check_image import corner_distance
from monai_anomaly.utils import DataError


def _image(name: str, channels: int = 1, shape: tuple[int, ...] = (4, 5, 6), affine: np.ndarray | None = None):
    values = torch.arange(float(np.prod(shape))).reshape(shape).expand(channels, *shape).clone()
    return MetaTensor(values, affine=np.eye(4) if affine is None else affine, meta={"filename_or_obj": name})


def test_a_good_sample_passes_unchanged() -> None:
    sample = {"image": _image("a.nii", 4), "mask": _image("m.nii") * 0, "label": 1}
    checked = CheckImaged(["image", "mask", "twin"], channels=[4, 1, 4], spatial_dims=3)(sample)
    assert checked.keys() == sample.keys()
    assert checked["image"] is sample["image"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_values_that_are_not_finite_name_the_file_of_the_channel(value: float) -> None:
    image = _image("t1.nii", 2)
    image.meta["modality_files"] = os.pathsep.join(["t1.nii", "t2.nii"])
    image[1, 0, 0, :2] = value
    with pytest.raises(DataError, match=r"^t2\.nii: expected finite values, found 2 "):
        CheckImaged("image")({"image": image})


@pytest.mark.parametrize("value", [0.0, 7.0])
def test_an_empty_channel(value: float) -> None:
    image = _image("a.nii", 2)
    image[1] = value
    with pytest.raises(DataError, match=rf"a\.nii: expected an image, found only the value {value:g}"):
        CheckImage()(image)
    assert CheckImage(allow_empty=True)(image) is image
    assert CheckImaged("image", allow_empty=True)({"image": image})


def test_channels_and_axes() -> None:
    with pytest.raises(DataError, match=r"a\.nii: expected 4 channel\(s\), found 3"):
        CheckImage(channels=4)(_image("a.nii", 3))
    with pytest.raises(DataError, match=r"a\.nii: expected 2 spatial axes, found shape \(4, 5, 6\)"):
        CheckImage(spatial_dims=2)(_image("a.nii"))


@pytest.mark.parametrize("key", ["mask", "twin"])
def test_grids_that_disagree(key: str) -> None:
    check = CheckImaged(["image", "mask", "twin"])
    with pytest.raises(DataError, match=r"b\.nii: expected the spatial shape \(4, 5, 6\) of a\.nii, found \(4, 5, 7\)"):
        check({"image": _image("a.nii"), key: _image("b.nii", shape=(4, 5, 7))})
    flipped = np.diag([-1.0, 1.0, 1.0, 1.0])
    with pytest.raises(DataError, match=r"b\.nii: expected the affine of a\.nii .*6 mm away"):
        check({"image": _image("a.nii"), key: _image("b.nii", affine=flipped)})


def test_an_affine_that_is_not_finite_is_no_agreement() -> None:
    with pytest.raises(DataError, match="affine"):
        CheckImaged(["image", "mask"])({"image": _image("a"), "mask": _image("b", affine=np.full((4, 4), np.nan))})


def test_rounding_of_a_header_is_no_disagreement() -> None:
    affine = np.eye(4) + 1e-4
    affine[3] = (0, 0, 0, 1)
    assert CheckImaged(["image", "mask"])({"image": _image("a"), "mask": _image("b", affine=affine)})


def test_a_slice_that_orientation_cannot_turn_is_named() -> None:
    sagittal = np.eye(4)[[2, 0, 1, 3]]
    slice_ = _image("s.nii", shape=(4, 5), affine=sagittal)
    with pytest.raises(DataError, match=r"^s\.nii: expected an axial slice, found a sagittal one by its affine"):
        CheckImaged("image", axial=True)({"image": slice_})
    assert CheckImaged("image")({"image": slice_})
    assert CheckImaged("image", axial=True)({"image": _image("s.nii", shape=(4, 5))})
    assert CheckImaged("image", axial=True)({"image": _image("v.nii", affine=sagittal)})
    thin = _image("t.nii", shape=(4, 5, 1), affine=sagittal)
    with pytest.raises(DataError, match=r"^t\.nii: expected an axial slice, found a sagittal one"):
        CheckImaged("image", axial=True)({"image": thin})
    assert CheckImaged("image", axial=True)({"image": _image("t.nii", shape=(4, 5, 1))})


def test_plain_tensors_are_compared_by_shape() -> None:
    image = torch.rand(1, 4, 4)
    assert CheckImaged(["image", "mask"])({"image": image, "mask": image.round()})


@pytest.mark.parametrize(("axis", "expected"), [(0, 9.0), (1, 19.0), (2, 29.0)])
def test_corner_distance_of_a_scaling_is_at_the_far_end(axis: int, expected: float) -> None:
    other = np.eye(4)
    other[axis, axis] = 2.0
    assert corner_distance(np.eye(4), other, (10, 20, 30)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ([3e-5, 1.0039216, 1.992157, 4.0], [0, 1, 2, 4]),  # uint8 with a scale factor
        ([-0.005, -0.005, 3.9922, 0.9961], [0, 0, 4, 1]),
        ([3e-5, 3e-5, 3e-5, 3e-5], [0, 0, 0, 0]),
        ([0, 0.0039, 0, 0.0039], [0, 1, 0, 1]),
        ([0, 1, 2, 1000], [0, 1, 2, 1000]),
    ],
)
def test_labels_are_whole_numbers(stored: list[float], expected: list[int]) -> None:
    mask = MetaTensor(torch.tensor([[stored]]), meta={"filename_or_obj": "seg.nii"})
    image = MetaTensor(torch.rand(1, 1, 4))
    out = CheckImaged(["image", "mask"])({"image": image, "mask": mask})
    assert out["mask"].tolist() == [[expected]] and out["mask"].meta["filename_or_obj"] == "seg.nii"
    assert torch.equal(out["image"], image)


def stored(values: torch.Tensor, name: str) -> MetaTensor:
    return MetaTensor(values[None].float(), meta={"filename_or_obj": name})


@pytest.mark.parametrize(("name", "grays"), [("m.png", 40), ("m.JPG", 3)])
def test_a_picture_of_a_mask_with_grays_is_cut_in_the_middle(name: str, grays: int) -> None:
    values = torch.cat([torch.zeros(5), torch.linspace(1, 254, grays).round(), torch.full((5,), 255)])[None]
    with pytest.warns(UserWarning, match=rf"{name}: a mask from 0 to 255 with {grays} grays between; from 128 on"):
        found = CheckImaged("mask")({"mask": stored(values, name)})["mask"]
    assert torch.equal(found.as_tensor(), 255.0 * (values > 127)[None])
    assert found.meta["filename_or_obj"] == name


@pytest.mark.parametrize("values", [[0, 255], [0, 128, 255], [0, 1, 2, 4], [0, 85, 170, 255]])
def test_labels_in_a_picture_stay(values: list[int]) -> None:
    mask = stored(torch.tensor([values]), "m.png")
    assert CheckImaged("mask")({"mask": mask})["mask"].tolist() == [[values]]


def test_a_mask_of_another_kind_of_file_than_the_picture_is_refused() -> None:
    """The first axis of a picture runs to the right, that of an array as it was stored."""
    image, mask = stored(torch.rand(8, 8), "a.png"), stored(torch.eye(8), "m.npy")
    with pytest.raises(DataError, match=r"m\.npy: expected a picture as a\.png is one.*save both"):
        CheckImaged(["image", "mask"])({"image": image, "mask": mask})
    CheckImaged(["image", "mask"])({"image": image, "mask": torch.eye(8)[None]})


def test_a_soft_mask_is_refused_with_its_file() -> None:
    mask = MetaTensor(torch.tensor([[[0, 0.37, 0.5, 1.0]]]), meta={"filename_or_obj": "seg.nii"})
    with pytest.raises(
        DataError, match=r"seg\.nii: expected a mask of whole numbers, found values such as 0\.37, 0\.5;"
    ):
        CheckImaged("mask")({"mask": mask})
