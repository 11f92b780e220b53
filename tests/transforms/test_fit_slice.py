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


def test_missing_key() -> None:
    with pytest.raises(KeyError, match="mask"):
        FitSliced(["image", "mask"], (8, 8))({"image": image(1, 7, 7)})
    assert "mask" not in FitSliced(["image", "mask"], (8, 8), allow_missing_keys=True)({"image": image(1, 7, 7)})
