# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch

from monai_anomaly.losses import ImageDistance


def images() -> tuple[torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(0)
    return torch.randn(3, 2, 4, 5, generator=g), torch.randn(3, 2, 4, 5, generator=g)


@pytest.mark.parametrize("kind", ["mse", "mae", "norm"])
def test_formulas(kind: str) -> None:
    a, b = images()
    d = (a - b).flatten(1)
    expected = {"mse": (d**2).mean(), "mae": d.abs().mean(), "norm": d.norm(dim=1).mean()}[kind]
    torch.testing.assert_close(ImageDistance(kind)(a, b), expected)


@pytest.mark.parametrize("kind", ["mse", "mae", "norm"])
def test_equal_images_have_no_distance_and_a_gradient(kind: str) -> None:
    a = images()[0]
    b = a.clone().requires_grad_()
    distance = ImageDistance(kind)(a, b)
    distance.backward()
    assert distance.item() < 1e-5 and b.grad is not None and b.grad.isfinite().all()


@pytest.mark.parametrize("kind", ["mse", "mae", "norm"])
def test_in_float32_whatever_comes(kind: str) -> None:
    a, b = (x.to(torch.bfloat16) for x in images())
    assert ImageDistance(kind)(a, b).dtype == torch.float32


def test_other_word() -> None:
    with pytest.raises(ValueError, match="kind must be 'mse', 'norm' or 'mae', got 'l1'"):
        ImageDistance("l1")
