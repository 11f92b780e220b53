# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from monai.data import MetaTensor

from monai_anomaly.transforms import SignedDifferenceD, SignedDifferenced, SignedDifferenceDict


@pytest.mark.parametrize("spatial", [(4, 5), (4, 5, 6)])
def test_difference_has_a_sign_and_the_geometry_of_the_reconstruction(spatial: tuple[int, ...]) -> None:
    g = torch.Generator().manual_seed(0)
    image = MetaTensor(torch.rand(2, *spatial, generator=g))
    reconstruction = MetaTensor(torch.rand(2, *spatial, generator=g), affine=2 * torch.eye(4))
    data = {"reconstruction": reconstruction, "image": image}
    difference = SignedDifferenced("reconstruction")(data)["difference"]
    assert torch.equal(difference.as_tensor(), reconstruction.as_tensor() - image.as_tensor())
    assert torch.equal(difference.affine, reconstruction.affine) and set(data) == {"reconstruction", "image"}


def test_aliases() -> None:
    assert SignedDifferenceD is SignedDifferenceDict is SignedDifferenced


def test_each_of_several_has_a_difference_of_its_own() -> None:
    made = {"image": torch.ones(1, 2, 2), "r": torch.zeros(1, 2, 2), "r_1": torch.full((1, 2, 2), 3.0)}
    found = SignedDifferenced(["r", "r_1"], output_key=["d", "d_1"])(made)
    assert found["d"].unique().tolist() == [-1] and found["d_1"].unique().tolist() == [2]
    with pytest.raises(ValueError, match="one output key for each"):
        SignedDifferenced(["r", "r_1"])
