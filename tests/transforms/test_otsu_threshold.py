# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from monai_anomaly.metrics import otsu_threshold
from monai_anomaly.transforms import OtsuThreshold, OtsuThresholdd

MAP = torch.cat([torch.rand(60, generator=torch.Generator().manual_seed(0)), torch.full((4,), 9.0)]).view(1, 8, 8)


@pytest.mark.parametrize("convert", [torch.clone, torch.Tensor.numpy, lambda x: MetaTensor(x, affine=2 * torch.eye(4))])
def test_marks_what_exceeds_the_threshold_and_keeps_the_type(convert) -> None:  # type: ignore[no-untyped-def]
    image = convert(MAP)
    mask = OtsuThreshold()(image)
    assert type(mask) is type(image) and mask.shape == image.shape and mask.dtype == image.dtype
    expected = torch.where(otsu_threshold(MAP) < MAP, 1.0, 0.0)
    assert np.array_equal(np.asarray(mask), expected.numpy())


def test_metadata_is_kept_and_threshold_noted() -> None:
    image = MetaTensor(MAP.clone(), affine=2 * torch.eye(4))
    mask = OtsuThresholdd("map")({"map": image, "other": 1})["map"]
    assert torch.equal(mask.affine, image.affine) and mask.meta["otsu_threshold"] == otsu_threshold(MAP)
    assert "otsu_threshold" not in image.meta and torch.equal(image.as_tensor(), MAP)


def test_missing_key() -> None:
    with pytest.raises(KeyError):
        OtsuThresholdd("map")({})
    assert OtsuThresholdd("map", allow_missing_keys=True)({}) == {}
