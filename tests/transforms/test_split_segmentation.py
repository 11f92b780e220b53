# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Compose, Flipd, Invertd, SpatialPadd

from monai_anomaly.transforms import SplitSegmentationD, SplitSegmentationd, SplitSegmentationDict


@pytest.mark.parametrize("regions", [1, 3])
@pytest.mark.parametrize("samples", [0, 1, 4])
@pytest.mark.parametrize("spatial", [(4, 5), (4, 5, 6)])
def test_channels_go_where_they_belong(regions: int, samples: int, spatial: tuple[int, ...]) -> None:
    pred = torch.rand(regions * (3 + samples), *spatial, generator=torch.Generator().manual_seed(0))
    data = {"pred": pred, "image": "untouched"}
    found = SplitSegmentationd("pred", regions=regions)(data)
    parts = [found[key] for key in ("mean", "variance", "entropy")]
    assert all(len(part) == regions for part in parts)
    assert ("samples" in found) == (samples > 0) and found["image"] == "untouched"
    torch.testing.assert_close(torch.cat([*parts, found.get("samples", pred[:0])]), pred)
    assert set(data) == {"pred", "image"}  # the caller's sample is left alone


def test_every_entry_can_be_inverted() -> None:
    """Each comes back to the grid that the image had before its preprocessing."""
    preprocessing = Compose([SpatialPadd("image", (8, 8, 8)), Flipd("image", 0)])
    affine = torch.diag(torch.tensor([2.0, 3.0, 4.0, 1.0], dtype=torch.float64))
    truth = torch.rand(10, 4, 5, 6, generator=torch.Generator().manual_seed(0))
    sample = preprocessing({"image": MetaTensor(truth, affine=affine)})
    sample = SplitSegmentationd("pred", regions=2)({**sample, "pred": sample["image"].clone()})
    keys = ["mean", "variance", "entropy", "samples"]
    found = Invertd([*keys, "image"], preprocessing, orig_keys="image", nearest_interp=False)(sample)
    torch.testing.assert_close(torch.cat([found[k].as_tensor() for k in keys]), truth)
    assert all(torch.equal(found[k].affine, affine) for k in [*keys, "image"])


@pytest.mark.parametrize(("channels", "regions"), [(2, 1), (3, 2), (6, 3), (10, 3)])
def test_prediction_of_other_channels_is_refused(channels: int, regions: int) -> None:
    message = rf"'pred': expected mean, .* samples of {regions} region\(s\), found {channels} channels"
    with pytest.raises(ValueError, match=message):
        SplitSegmentationd("pred", regions)({"pred": torch.zeros(channels, 2, 2)})


def test_no_region_is_refused() -> None:
    with pytest.raises(ValueError, match="regions must be at least 1, got 0"):
        SplitSegmentationd("pred", 0)


def test_aliases() -> None:
    assert SplitSegmentationD is SplitSegmentationDict is SplitSegmentationd
