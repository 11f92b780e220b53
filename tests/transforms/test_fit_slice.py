# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Compose, Invertd

from monai_anomaly.transforms import FitSliced

AFFINE = torch.tensor([[2.0, 0, 0, -10], [0, 3.0, 0, -20], [0, 0, 4.0, -30], [0, 0, 0, 1]])


def image(*shape: int) -> MetaTensor:
    return MetaTensor(torch.rand(*shape, generator=torch.Generator().manual_seed(0)) + 1, affine=AFFINE)


@pytest.mark.parametrize("shape", [(2, 7, 10), (2, 7, 10, 5), (2, 8, 12), (1, 8, 12, 3)])
def test_padding_comes_back_whole(shape: tuple[int, ...]) -> None:
    fit, x = FitSliced("image", (8, 12)), image(*shape)
    fitted = fit({"image": x})
    assert fitted["image"].shape == (shape[0], 8, 12, *shape[3:])
    back = fit.inverse(fitted)["image"]
    assert torch.equal(back, x)
    torch.testing.assert_close(back.affine, x.affine)


@pytest.mark.parametrize("shape", [(2, 11, 10), (2, 11, 10, 5)])
def test_what_was_cropped_is_zero_and_the_rest_is_in_its_place(shape: tuple[int, ...]) -> None:
    fit, x = FitSliced("image", (6, 12)), image(*shape)
    fitted = fit({"image": x})
    assert fitted["image"].shape == (shape[0], 6, 12, *shape[3:])
    back = fit.inverse(fitted)["image"]
    kept = back != 0
    assert back.shape == x.shape and kept.sum() == x.numel() * 6 // 11
    assert torch.equal(back[kept], x[kept])
    torch.testing.assert_close(back.affine, x.affine)


def test_every_slice_of_a_volume_is_fitted_as_a_slice() -> None:
    fit, x = FitSliced("image", (8, 6)), image(2, 7, 11, 4)
    volume = fit({"image": x})["image"]
    for z in range(4):
        assert torch.equal(volume[..., z].as_tensor(), fit({"image": x[..., z]})["image"].as_tensor())


def test_affine_follows_the_voxels() -> None:
    fitted = FitSliced("image", (9, 10))({"image": image(1, 7, 10, 5)})["image"]
    torch.testing.assert_close(fitted.affine[:3, 3].float(), AFFINE[:3, 3] - torch.tensor([2.0, 0, 0]))


@pytest.mark.parametrize("shape", [(1, 7, 13), (1, 7, 13, 4)])
def test_monais_inversion_brings_a_prediction_back(shape: tuple[int, ...]) -> None:
    preprocessing = Compose([FitSliced("image", (8, 8))])
    data = preprocessing({"image": image(*shape)})
    data["pred"] = data["image"] * 0 + 5
    back = Invertd("pred", preprocessing, orig_keys="image", nearest_interp=False)(data)["pred"]
    assert back.shape == shape
    assert set(back.unique().tolist()) == {0.0, 5.0}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("size", [(10, 10), (16, 16), (16, 10)])
def test_cutting_the_background_is_silent(size: tuple[int, int]) -> None:
    x = image(1, 10, 10, 4)
    FitSliced("image", size)({"image": torch.nn.functional.pad(x, (0, 0, 3, 3, 3, 3))})


def test_cutting_the_brain_is_told() -> None:
    x = torch.nn.functional.pad(image(2, 10, 10, 4), (0, 0, 3, 3, 3, 3))
    x[0, 0, 0] = -5.0  # as resampling by splines leaves it
    with pytest.warns(UserWarning, match="slices of 8 x 16 pixels hold 80% of the pixels above the background") as told:
        FitSliced(["image", "mask"], (8, 16))({"image": x, "mask": x})
    assert len(told) == 1


def picture(*shape: int) -> MetaTensor:
    rows, columns = torch.meshgrid(*(torch.linspace(0, 1, n) for n in shape[1:]), indexing="ij")
    return as_picture((1 + rows + columns).repeat(shape[0], 1, 1))


def as_picture(values: torch.Tensor) -> MetaTensor:
    return MetaTensor(values, meta={"filename_or_obj": "a.png"})


@pytest.mark.parametrize("shape", [(3, 40, 30), (1, 10, 30), (1, 16, 24), (2, 5, 7)])
def test_a_picture_is_resized_in_its_shape_and_brought_back(shape: tuple[int, ...]) -> None:
    preprocessing = Compose([FitSliced("image", (16, 24))])
    data = preprocessing({"image": picture(*shape)})
    fitted = data["image"]
    assert fitted.shape == (shape[0], 16, 24)
    zoom = min(16 / shape[1], 24 / shape[2])
    inside = fitted[0] > 0.5
    assert abs(int(inside.any(1).sum()) - zoom * shape[1]) <= 1 and abs(int(inside.any(0).sum()) - zoom * shape[2]) <= 1
    data["pred"] = fitted.clone()
    back = Invertd("pred", preprocessing, orig_keys="image", nearest_interp=False)(data)["pred"]
    assert back.shape == shape
    torch.testing.assert_close(back.as_tensor(), picture(*shape).as_tensor(), atol=0.12, rtol=0)


def test_a_mask_of_a_picture_keeps_its_values_and_its_place() -> None:
    mask = picture(1, 40, 60) * 0
    mask[:, 10:20, 30:50] = 4.0
    sample = FitSliced(["image", "mask"], (16, 24))({"image": picture(1, 40, 60), "mask": mask})
    assert set(sample["mask"].unique().tolist()) == {0.0, 4.0}
    assert abs(float((sample["mask"] > 0).float().mean()) - 200 / 2400) < 0.01


def disc(size: int, radius: float) -> MetaTensor:
    rows, columns = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    inside = (rows - 0.55 * size) ** 2 + (columns - 0.47 * size) ** 2 <= radius**2
    return as_picture(inside[None].float())


@pytest.mark.parametrize(("size", "radius"), [(128, 20), (250, 40), (256, 40)])
def test_a_mask_lies_where_its_image_does(size: int, radius: float) -> None:
    mask = disc(size, radius)
    fit = FitSliced(["image", "mask"], (64, 64))
    sample = fit({"image": mask.clone(), "mask": mask})
    assert torch.equal(sample["mask"].as_tensor() > 0, sample["image"].as_tensor() > 0.5)
    back = fit.inverse(sample)["mask"].as_tensor()
    assert 2 * (back * mask.as_tensor()).sum() / (back + mask.as_tensor()).sum() > 0.97
    axis = torch.arange(size, dtype=torch.float32)
    for dim in (1, 2):
        before, after = ((m.sum(3 - dim) * axis).sum() / m.sum() for m in (mask.as_tensor(), back))
        assert abs(before - after) < 0.4


def test_the_label_that_fills_most_of_a_pixel_is_its_label() -> None:
    mask = torch.tensor([[0, 0, 0, 0], [0, 4, 4, 0], [1, 1, 4, 0], [1, 0, 4, 4]])
    sample = FitSliced(["image", "mask"], (2, 2))({"image": picture(1, 4, 4), "mask": as_picture(mask[None])})
    assert sample["mask"].tolist() == [[[0, 0], [1, 4]]]


@pytest.mark.parametrize("hole", [False, True])
def test_around_a_mask_there_is_none(hole: bool) -> None:
    mask = torch.ones(1, 12, 16)
    mask[:, 4:6, 4:8] -= float(hole)
    fitted = FitSliced(["image", "mask"], (16, 16), fit="crop")({"image": picture(1, 12, 16), "mask": as_picture(mask)})
    assert fitted["mask"].sum() == mask.sum()


@pytest.mark.filterwarnings("ignore:.*hold 64%")
def test_a_voxel_size_or_the_wish_to_crop_keep_the_pixels() -> None:
    x = picture(1, 20, 20)
    cropped = FitSliced("image", (16, 16), fit="crop")({"image": x})["image"]
    assert torch.equal(cropped.as_tensor(), x.as_tensor()[:, 2:18, 2:18])
    with_size = MetaTensor(x.as_tensor(), meta={"filename_or_obj": "a.nii.gz"})
    assert torch.equal(FitSliced("image", (16, 16))({"image": with_size})["image"].as_tensor(), cropped.as_tensor())


def test_missing_key() -> None:
    with pytest.raises(KeyError, match="mask"):
        FitSliced(["image", "mask"], (8, 8))({"image": image(1, 7, 7)})
    assert "mask" not in FitSliced(["image", "mask"], (8, 8), allow_missing_keys=True)({"image": image(1, 7, 7)})
