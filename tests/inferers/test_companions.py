# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest
import torch

from monai_anomaly.inferers.companions import Companions
from monai_anomaly.utils import DataError

IMAGES, VOLUMES = torch.zeros(3, 2, 5, 6), torch.zeros(2, 1, 4, 5, 6)
SCALARS = torch.tensor([1.0, 2.0])


def numbers(*shape: int) -> torch.Tensor:
    return torch.arange(torch.Size(shape).numel()).reshape(shape)


@pytest.mark.parametrize("values", [numbers(3), numbers(3, 1), numbers(3, 4), numbers(3, 2, 5, 6)])
def test_images_have_their_own(values: torch.Tensor) -> None:
    taken = Companions(IMAGES, 2, {"a": values}).take([2, 0], IMAGES[:2])["a"]
    assert torch.equal(taken, (values[:, 0] if values.shape == (3, 1) else values)[[2, 0]])


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slices_have_those_of_their_volume_their_own_and_their_part_of_a_mask(axis: int) -> None:
    depth = VOLUMES.shape[axis + 2]
    each, mask = numbers(2, depth), numbers(2, 3, 4, 5, 6)
    given = {"one": 7, "volume": SCALARS, "column": SCALARS[:, None], "slice": each, "mask": mask}
    companions = Companions(VOLUMES, axis, given)
    slices = VOLUMES.movedim(axis + 2, 1).flatten(0, 1)
    for number in range(2 * depth):
        volume, place = divmod(number, depth)
        taken = companions.take([number], slices[:1])
        assert taken["one"].tolist() == [7]
        assert taken["volume"].tolist() == taken["column"].tolist() == [SCALARS[volume].item()]
        assert taken["slice"].tolist() == [each[volume, place].item()]
        assert torch.equal(taken["mask"][0], mask[volume].select(axis + 1, place))


def test_masks_are_padded_with_nothing_where_slices_are_padded() -> None:
    mask = torch.ones(3, 1, 5, 6)
    taken = Companions(IMAGES, 2, {"mask": mask}).take([0, 1], torch.zeros(2, 2, 8, 8))["mask"]
    assert taken.shape == (2, 1, 8, 8) and taken[..., :5, :6].all() and taken.sum() == 2 * 30


@pytest.mark.parametrize(
    ("inputs", "values", "message"),
    [
        (
            IMAGES,
            numbers(2),
            r"target of size to fit images, one for each, .* shape \(2,\) for inputs of \(3, 2, 5",
        ),
        (IMAGES, numbers(3, 1, 5, 5), r"a mask on their grid, found the shape \(3, 1, 5, 5\)"),
        (IMAGES, numbers(2, 1, 5, 6), r"found the shape \(2, 1, 5, 6\)"),
        (VOLUMES, numbers(3), r"volumes, a number for each of them or of their slices.*shape \(3,\)"),
        (VOLUMES, numbers(2, 5), r"found the shape \(2, 5\) for inputs of \(2, 1, 4, 5, 6\)"),
        (VOLUMES, numbers(2, 1, 4, 5, 5), r"found the shape \(2, 1, 4, 5, 5\)"),
        (VOLUMES, numbers(2, 4, 5, 6), r"found the shape \(2, 4, 5, 6\)"),
    ],
)
def test_other_sizes_are_refused(inputs: torch.Tensor, values: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        Companions(inputs, 2, {"target of size": values})
