# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import ResizeWithPadOrCropd

from monai_anomaly.transforms import FitVolumed


def head() -> MetaTensor:
    """10 x 10 x 8 voxels of a head, in the dark."""
    x = torch.rand(1, 10, 10, 8, generator=torch.Generator().manual_seed(0)) + 1
    return MetaTensor(torch.nn.functional.pad(x, (3, 3, 3, 3, 3, 3)), affine=torch.diag(torch.tensor([2.0, 3, 4, 1])))


@pytest.mark.parametrize("size", [(20, 12, 15), (16, 16, 14)])
def test_as_monais_transform_and_back(size: tuple[int, ...]) -> None:
    fit, x = FitVolumed("image", size), head()
    found, expected = fit({"image": x}), ResizeWithPadOrCropd("image", size)({"image": x})
    assert torch.equal(found["image"], expected["image"])
    torch.testing.assert_close(found["image"].affine, expected["image"].affine)
    back = fit.inverse(found)["image"]
    assert torch.equal(back, x)
    torch.testing.assert_close(back.affine, x.affine)


def test_cutting_the_brain_along_any_axis_is_told() -> None:
    for size in ((8, 16, 14), (16, 8, 14), (16, 16, 6)):
        name = " x ".join(map(str, size))
        share = 75 if size[2] == 6 else 80
        with pytest.warns(UserWarning, match=f"the central {name} voxels hold {share}% of the pixels above") as told:
            FitVolumed("image", size)({"image": head()})
        assert len(told) == 1


@pytest.mark.filterwarnings("error")
def test_what_is_allowed_is_silent() -> None:
    FitVolumed("image", (10, 10, 8))({"image": head()})
    FitVolumed("image", (8, 10, 8), most_lost=0.25)({"image": head()})
