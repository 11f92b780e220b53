# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch

from monai_anomaly.networks.layers import append_label_planes


@pytest.mark.parametrize("size", [(3,), (3, 5), (2, 3, 4)])
def test_plane_of_the_class_is_one(size: tuple[int, ...]) -> None:
    x = torch.rand(3, 2, *size)
    result = append_label_planes(x, torch.tensor([0, 2, 1]), 3)
    assert result.shape == (3, 5, *size) and torch.equal(result[:, :2], x)
    planes = result[:, 2:].flatten(2)
    assert torch.equal(planes, torch.eye(3)[[0, 2, 1], :, None].expand_as(planes))


def test_label_of_any_number_type_and_layout() -> None:
    x = torch.rand(2, 1, 4, 4, dtype=torch.float64)
    result = append_label_planes(x, torch.tensor([[1.0], [0.0]]), 2)
    assert result.dtype == x.dtype
    assert torch.equal(result, append_label_planes(x, torch.tensor([1, 0]), 2))


def test_unknown_class_is_refused() -> None:
    with pytest.raises(RuntimeError, match="smaller than num_classes"):
        append_label_planes(torch.rand(1, 1, 4, 4), torch.tensor([2]), 2)


def test_one_label_is_not_spread_over_the_batch() -> None:
    with pytest.raises(ValueError, match="one target per image, 2, found 1"):
        append_label_planes(torch.rand(2, 1, 4, 4), torch.tensor([1]), 2)
