# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Compose, Flipd, Invertd, Resized, Rotate90d, SpatialPadd

from monai_anomaly.transforms import WorldDisplacementd

AFFINE = torch.tensor([[0.0, -3, 0, 5], [2, 0, 0, -7], [0, 0, 4, 11], [0, 0, 0, 1]], dtype=torch.float64)


@pytest.mark.parametrize("dims", [2, 3])
def test_along_the_axes_of_the_world_in_mm(dims: int) -> None:
    shift = torch.tensor([1.0, 2, 3])[:dims]
    field = MetaTensor(shift.reshape(-1, *[1] * dims).expand(-1, *(4, 5, 6)[:dims]).clone(), affine=AFFINE)
    before = field.clone()
    found = WorldDisplacementd("displacement")({"displacement": field})["displacement"]
    expected = torch.tensor([-6.0, 2, 12 if dims == 3 else 0])
    assert isinstance(found, MetaTensor) and found.shape == (3, *field.shape[1:])
    assert (found == expected.reshape(-1, *[1] * dims)).all()
    torch.testing.assert_close(found.affine, before.affine)
    torch.testing.assert_close(field.as_tensor(), before.as_tensor())


def test_of_a_coronal_slice() -> None:
    affine = torch.eye(4, dtype=torch.float64)[[0, 2, 1, 3]]  # the second axis points up
    field = MetaTensor(torch.ones(2, 4, 5) * torch.tensor([1.0, 2.0]).reshape(2, 1, 1), affine=affine)
    found = WorldDisplacementd("displacement")({"displacement": field})["displacement"]
    assert (found == torch.tensor([1.0, 0, 2]).reshape(3, 1, 1)).all()


def test_taken_to_the_grid_of_the_file_it_points_to_the_same_place() -> None:
    """Through padding, a turn, a mirror and another size: the vectors of the world do not turn with the grid."""
    image = MetaTensor(torch.rand(1, 20, 24, 6), affine=AFFINE)
    there = Compose(
        [
            SpatialPadd("image", (24, 24, 8)),
            Rotate90d("image", k=1),
            Flipd("image", spatial_axis=1),
            Resized("image", (12, 12, 16)),
        ]
    )
    sample = there({"image": image})
    field = MetaTensor(torch.ones(3, 12, 12, 16)).copy_meta_from(sample["image"])
    sample["displacement"] = field
    expected = sample["image"].affine[:3, :3].sum(1).float()
    sample = WorldDisplacementd("displacement")(sample)
    found = Invertd("displacement", there, "image", nearest_interp=False)(sample)["displacement"]
    assert found.shape == (3, 20, 24, 6)
    torch.testing.assert_close(found.affine, AFFINE)
    torch.testing.assert_close(
        found.as_tensor(), expected.reshape(3, 1, 1, 1).expand(-1, 20, 24, 6), atol=1e-4, rtol=1e-4
    )


def test_missing_keys() -> None:
    assert WorldDisplacementd("displacement", allow_missing_keys=True)({"image": 1}) == {"image": 1}
    with pytest.raises(KeyError):
        WorldDisplacementd("displacement")({"image": 1})
