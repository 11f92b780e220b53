# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from monai_anomaly.transforms import DesiredMask, DesiredMaskd
from monai_anomaly.utils import DataError


def _pair(rows: slice, shape: tuple[int, ...] = (10, 4), affine: Any = None) -> tuple[MetaTensor, MetaTensor]:
    """A mask of some rows, and an image whose first 6 rows are brain."""
    image, mask = torch.full((2, 10, 4), -1.0), torch.zeros(1, *shape)
    image[1, :6] = 0.2
    mask[:, rows] = 4
    grid = np.eye(4) if affine is None else affine
    named = [("seg.nii", mask, grid), ("t1.nii", image, np.eye(4))]
    first, second = (MetaTensor(v, affine=torch.tensor(a), meta={"filename_or_obj": f}) for f, v, a in named)
    return first, second


@pytest.mark.parametrize("rows", [slice(0, 2), slice(5, 6)])
def test_a_good_mask_passes_unchanged(rows: slice) -> None:
    mask, image = _pair(rows)
    assert DesiredMask(background=-1)(mask, image) is mask


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (_pair(slice(0, 0)), r"seg\.nii: expected a mask of what is to be put in, found nothing in it"),
        (_pair(slice(2, 7)), r"seg\.nii: expected at least 90% of the mask in the brain of t1\.nii, found 80%"),
        (_pair(slice(0, 2), shape=(9, 4)), r"seg\.nii: expected the spatial shape \(10, 4\) of t1\.nii"),
        (_pair(slice(0, 2), affine=np.diag([2.0, 1, 1, 1])), r"seg\.nii: expected the affine of t1\.nii"),
    ],
)
def test_a_mask_that_cannot_be_put_in_is_named(mask: tuple[MetaTensor, MetaTensor], message: str) -> None:
    with pytest.raises(DataError, match=message):
        DesiredMask(background=-1)(*mask)


def test_a_mask_is_cut_to_the_brain() -> None:
    mask, image = _pair(slice(4, 9))
    sample = DesiredMaskd("target_mask", background=-1, cut=True, least=8)({"image": image, "target_mask": mask})
    cut = sample["target_mask"]
    assert torch.equal(cut[0, 4:6], mask[0, 4:6]) and int((cut > 0).sum()) == 8
    assert cut.meta["filename_or_obj"] == "seg.nii" and cut.dtype == mask.dtype
    assert torch.equal(sample["image"], image)


def test_too_little_may_be_left() -> None:
    mask, image = _pair(slice(5, 9))
    with pytest.raises(DataError, match=r"seg\.nii: expected at least 5 pixels or voxels .* of t1\.nii, found 4"):
        DesiredMask(background=-1, cut=True, least=5)(mask, image)


def test_a_mask_may_be_missing() -> None:
    _, image = _pair(slice(0, 1))
    assert DesiredMaskd("target_mask", allow_missing_keys=True)({"image": image}).keys() == {"image"}


def test_slices_that_are_not_translated_are_outside() -> None:
    mask, image = torch.ones(1, 4, 4, 5), torch.ones(2, 4, 4, 5)
    cut = DesiredMask(cut=True, slice_range=[1, 3])(mask, image)
    assert cut.any(0).any(0).any(0).tolist() == [False, True, True, False, False]
    with pytest.raises(DataError, match=r"in the brain of .*, slices 1 to 2, found 40%"):
        DesiredMask(slice_range=[1, 3])(mask, image)
    assert DesiredMask(slice_range=[1, 3])(mask[..., 2], image[..., 2]).all()  # a slice by itself
