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


def test_prediction_of_other_channels_is_refused() -> None:
    with pytest.raises(ValueError, match="multiple of 5 channels in 'pred', found 4"):
        SplitTranslationd("pred", channels=4)({"pred": torch.zeros(4, 2, 2)})


def test_aliases() -> None:
    assert SplitTranslationD is SplitTranslationDict is SplitTranslationd
