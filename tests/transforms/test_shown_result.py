# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from monai.data import MetaTensor

from monai_anomaly.transforms import ShownResultd
from monai_anomaly.utils import DataError

RESULTS = {"channel_keys": "made", "channel_names": ["t1", "t2"], "names": {"made": "reconstruction"}}


def results() -> dict[str, torch.Tensor]:
    affine = torch.diag(torch.tensor([2.0, 3.0, 4.0, 1.0]))
    return {
        "mask": MetaTensor(torch.ones(1, 2, 3, 4, dtype=torch.uint8), affine=affine),
        "map": MetaTensor(torch.rand(1, 2, 3, 4), affine=affine),
        "made": MetaTensor(torch.rand(2, 2, 3, 4), affine=affine),
    }


@pytest.mark.parametrize(
    ("shown", "key", "channel"),
    [("mask", "mask", 0), ("map", "map", 0), ("reconstruction:t1", "made", 0), ("reconstruction:t2", "made", 1)],
)
def test_what_is_asked_for_as_it_is(shown: str, key: str, channel: int) -> None:
    sample = results()
    found = ShownResultd(["mask", "map"], shown, **RESULTS)(sample)
    assert torch.equal(found["pred"], sample[key][channel : channel + 1])
    assert found["pred"].dtype == sample[key].dtype and torch.equal(found["pred"].affine, sample[key].affine)
    found["pred"] += 1  # a program may write into it
    assert not torch.equal(found["pred"], found[key][channel : channel + 1])


def test_one_channel_needs_no_name() -> None:
    sample = {"reconstruction": torch.rand(1, 4, 4)}
    shown = ShownResultd("mask", "reconstruction", channel_keys="reconstruction", channel_names=["xray"])
    assert torch.equal(shown(sample)["pred"], sample["reconstruction"])


@pytest.mark.parametrize("shown", ["heatmap", "reconstruction", "reconstruction:flair", "made:t1", "", None, True])
def test_what_cannot_be_asked_for(shown: object) -> None:
    expected = "shown: expected one of mask, map, reconstruction:t1, reconstruction:t2; found "
    with pytest.raises(DataError) as caught:
        ShownResultd(["mask", "map"], shown, **RESULTS)
    assert str(caught.value) == f"{expected}{shown!r}"
