# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from monai.data import MetaTensor

from monai_anomaly.transforms import MaskRegionD, MaskRegiond, MaskRegionDict


@pytest.mark.parametrize("shape", [(1, 9, 8), (2, 9, 8, 4)])
def test_region_holds_the_mask_and_what_is_near_in_its_slice(shape: tuple[int, ...]) -> None:
    mask = torch.zeros(shape)
    mask[(0, 1, 2, *([2] if len(shape) == 4 else []))] = 3
    region = MaskRegiond("m", "region", margin=2)({"m": MetaTensor(mask, torch.diag(torch.tensor([2.0, 2, 2, 1])))})[
        "region"
    ]
    expected = torch.zeros(1, *shape[1:])
    expected[(0, slice(0, 4), slice(0, 5), *([2] if len(shape) == 4 else []))] = 1
    torch.testing.assert_close(region.as_tensor(), expected)
    assert region.affine[0, 0] == 2


def test_missing_mask_and_bad_margin() -> None:
    assert MaskRegiond("m", allow_missing_keys=True)({}) == {}
    with pytest.raises(KeyError):
        MaskRegiond("m")({})
    with pytest.raises(ValueError, match="must not be negative, got -1"):
        MaskRegiond("m", margin=-1)
    assert MaskRegionD is MaskRegionDict is MaskRegiond
