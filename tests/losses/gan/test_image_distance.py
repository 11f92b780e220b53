# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch

from monai_anomaly.losses import ImageDistance


def images() -> tuple[torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(0)
    return torch.randn(3, 2, 4, 5, generator=g), torch.randn(3, 2, 4, 5, generator=g)


@pytest.mark.parametrize(("kind", "power", "of_one"), [("mse", 2, 1.0), ("mae", 1, 1.0), ("norm", 1, 40**0.5)])
def test_scale_and_unit(kind: str, power: int, of_one: float) -> None:
    """A difference of 1 in each of 40 values, and how the distance grows with it."""
    a, b = images()
    assert float(ImageDistance(kind)(a, a + 1)) == pytest.approx(of_one, rel=1e-5)
    distance = ImageDistance(kind)(a, b)
    torch.testing.assert_close(ImageDistance(kind)(b, a), distance)
    torch.testing.assert_close(ImageDistance(kind)(3 * a, 3 * b), 3**power * distance)


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
