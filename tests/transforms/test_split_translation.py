# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from monai.data import MetaTensor

from monai_anomaly.transforms import SplitTranslationD, SplitTranslationd, SplitTranslationDict


@pytest.mark.parametrize("scales", [1, 3])
@pytest.mark.parametrize("spatial", [(4, 5), (4, 5, 6)])
def test_channels_go_where_they_belong(scales: int, spatial: tuple[int, ...]) -> None:
    pred = MetaTensor(
        torch.randn(scales * 3, *spatial, generator=torch.Generator().manual_seed(0)), affine=torch.eye(4)
    )
    sample = SplitTranslationd("pred", channels=2)({"pred": pred, "image": "untouched"})
    assert sample["image"] == "untouched"
    for i, tail in enumerate(["", "_1", "_2"][:scales]):
        assert isinstance(sample[f"map{tail}"], MetaTensor)
        torch.testing.assert_close(sample[f"map{tail}"], pred[3 * i : 3 * i + 1])
        torch.testing.assert_close(sample[f"healthy{tail}"] * 2 - 1, pred[3 * i + 1 : 3 * i + 3])
    assert f"map_{scales}" not in sample


def test_reconstruction_and_image_are_shares_of_the_range() -> None:
    split = SplitTranslationd("pred", channels=1, intensity_range=(10.0, 30.0), image_key="image")
    data = {"pred": torch.tensor([[5.0], [10.0]]), "image": torch.tensor([[30.0]])}
    sample = split(data)
    assert sample["map"].item() == 5 and sample["healthy"].item() == 0 and sample["image"].item() == 1
    assert data["image"].item() == 30  # the caller's sample is left alone


@pytest.mark.parametrize("spatial", [(4, 5), (4, 5, 6)])
def test_difference_has_a_sign_and_the_unit_of_the_reconstruction(spatial: tuple[int, ...]) -> None:
    g = torch.Generator().manual_seed(0)
    image = MetaTensor(torch.rand(2, *spatial, generator=g))
    pred = MetaTensor(torch.rand(6, *spatial, generator=g), affine=2 * torch.eye(4))
    split = SplitTranslationd("pred", channels=2, intensity_range=(0.0, 4.0), image_key="image", difference=True)
    sample = split({"pred": pred, "image": image})
    for i, tail in enumerate(["", "_1"]):
        assert torch.equal(sample[f"difference{tail}"].affine, pred.affine)
        expected = (pred[3 * i + 1 : 3 * i + 3].as_tensor() - image.as_tensor()) / 4
        torch.testing.assert_close(sample[f"difference{tail}"].as_tensor(), expected)
        shares = sample[f"healthy{tail}"].as_tensor() - sample["image"].as_tensor()
        torch.testing.assert_close(shares, expected)
    assert "difference_2" not in sample


def test_difference_is_only_there_on_request() -> None:
    data = {"pred": torch.zeros(2, 3, 3), "image": torch.zeros(1, 3, 3)}
    assert "difference" not in SplitTranslationd("pred", channels=1, image_key="image")(data)
    with pytest.raises(ValueError, match="image_key must name the input image"):
        SplitTranslationd("pred", channels=1, difference=True)


def test_prediction_of_other_channels_is_refused() -> None:
    with pytest.raises(ValueError, match="multiple of 5 channels in 'pred', found 4"):
        SplitTranslationd("pred", channels=4)({"pred": torch.zeros(4, 2, 2)})


def test_aliases() -> None:
    assert SplitTranslationD is SplitTranslationDict is SplitTranslationd
