# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest
import torch
from monai.data import MetaTensor

from monai_anomaly.data import SliceDataset
from monai_anomaly.transforms import LesionFraction, LesionFractiond
from monai_anomaly.utils import DataError


def _image(*shape: int) -> torch.Tensor:
    """Half of it is brain, of which a part is seen in each of two channels."""
    image = torch.full((2, *shape), -1.0)
    half = shape[0] // 2
    image[0, : half // 2] = 0.3
    image[1, half // 2 : half] = 0.3
    return image


@pytest.mark.parametrize("shape", [(8, 6), (8, 6, 5)])
def test_share_of_the_brain_in_slices_and_volumes(shape: tuple[int, ...]) -> None:
    mask = torch.zeros(1, *shape)
    mask[0, :1] = 4
    size = LesionFraction(background=-1)(mask, _image(*shape))
    assert type(size) is torch.Tensor and size.dtype == torch.float32 and size.tolist() == [0.25]


def test_all_and_nothing() -> None:
    fraction = LesionFraction(background=-1)
    assert fraction(torch.ones(1, 8, 6), _image(8, 6)).tolist() == [1]  # what is outside the brain does not count
    assert fraction(torch.zeros(1, 8, 6), _image(8, 6)).tolist() == [0]


@pytest.mark.parametrize(("labels", "expected"), [(None, 0.5), (4, 0.25), ([2, 4], 0.5), ([3], 0)])
def test_classes_of_a_mask(labels: Any, expected: float) -> None:
    mask = torch.zeros(1, 8, 6)
    mask[0, 0], mask[0, 1] = 2, 4
    assert LesionFraction(labels, background=-1)(mask, _image(8, 6)).item() == expected


@pytest.mark.parametrize(("labels", "expected"), [(None, 0.5), (1, 0.25), ([0, 1], 0.5)])
def test_channels_of_a_mask_count_once_where_they_overlap(labels: Any, expected: float) -> None:
    mask = torch.zeros(2, 8, 6)
    mask[0, :2], mask[1, :1] = 1, 1
    assert LesionFraction(labels, background=-1)(mask, _image(8, 6)).item() == expected


def test_sizes_of_mask_and_target_in_the_items_of_a_data_set() -> None:
    image = torch.ones(1, 4, 4, 3)
    mask, target_mask = torch.zeros(2, 1, 4, 4, 3)
    mask[0, 0, :, 1], target_mask[0, :2, :, 1:] = 1, 1
    measure = LesionFractiond(["mask", "target_mask"], output_keys=["size", "target_size"])
    sample = {"image": image, "mask": mask, "target": image, "target_mask": target_mask}
    items = list(SliceDataset([sample], slice_transform=measure, progress=False))
    assert [item["size"].tolist() for item in items] == [[0.25], [0]]  # in the first slice nothing changes
    assert [item["target_size"].tolist() for item in items] == [[0.5], [0.5]]


def test_bad_input_is_named() -> None:
    image = MetaTensor(_image(8, 6), meta={"filename_or_obj": "a.nii"})
    mask = MetaTensor(torch.zeros(2, 8, 6), meta={"filename_or_obj": "seg.nii"})
    with pytest.raises(DataError, match=r"a\.nii: expected brain, found no value above 5"):
        LesionFraction(background=5)(mask, image)
    with pytest.raises(DataError, match=r"seg\.nii: expected the channels \(2,\) of the mask, found 2"):
        LesionFraction(labels=2)(mask, image)
    with pytest.raises(DataError, match=r"seg\.nii: expected the spatial shape \(8, 6\) of the image, found \(8, 5\)"):
        LesionFraction()(mask[..., :5], image)
    with pytest.raises(ValueError, match="one output key"):
        LesionFractiond(["mask", "target_mask"])
    assert "size" not in LesionFractiond("mask", allow_missing_keys=True)({"image": image})
