# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest
import torch
from ignite.engine import Engine
from monai.data import MetaTensor
from torch import nn

from monai_anomaly.handlers import ClassifierProbability
from monai_anomaly.utils import DataError


class Brightness(nn.Module):
    """Logit of class 1: the image's mean."""

    def __init__(self) -> None:
        super().__init__()
        self.shapes: list[torch.Size] = []

    def classify(self, x: torch.Tensor) -> torch.Tensor:
        self.shapes.append(x.shape)
        mean = x.mean((1, 2, 3))
        return torch.stack([torch.zeros_like(mean), mean], dim=1)


def probability(image: torch.Tensor, healthy: int = 0, **options: Any) -> tuple[Any, Brightness]:
    network = Brightness()
    engine = Engine(lambda engine, batch: None)
    engine.state.output = {"image": image}
    ClassifierProbability(network, healthy, **options)(engine)
    return engine.state.output.get("probability"), network


@pytest.mark.parametrize("tracked", [False, True])
def test_probability_is_that_of_not_being_healthy(tracked: bool) -> None:
    x = torch.randn(5, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    found, network = probability(MetaTensor(x) if tracked else x)
    torch.testing.assert_close(torch.as_tensor(found), x.double().mean((1, 2, 3)).sigmoid())
    assert type(found) is torch.Tensor and not found.requires_grad
    assert network.shapes == [x.shape]


def test_volume_counts_as_its_worst_slice() -> None:
    x = torch.randn(3, 2, 4, 4, 6, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(probability(x)[0], x.double().mean((1, 2, 3)).sigmoid().amax(1))


def test_slices_outside_the_range_do_not_count() -> None:
    x = torch.randn(3, 2, 4, 4, 6, generator=torch.Generator().manual_seed(0))
    expected = x[..., 1:4].double().mean((1, 2, 3)).sigmoid().amax(1)
    torch.testing.assert_close(probability(x, slice_range=[1, 4])[0], expected)
    assert probability(x, slice_range=[6, 9])[0] is None
    assert probability(x[..., 0], slice_range=[6, 9])[0].shape == (3,)  # a 2D image has no range


def test_slices_of_one_intensity_do_not_count() -> None:
    x = torch.randn(2, 1, 4, 4, 3, generator=torch.Generator().manual_seed(0))
    filled = torch.cat([x, torch.full((2, 1, 4, 4, 1), 9.0)], dim=-1)
    torch.testing.assert_close(probability(filled)[0], probability(x)[0])
    assert probability(filled[..., 3:])[0] is None
    filled[1] = 9.0
    assert probability(filled)[0] is None


@pytest.mark.parametrize("filling", [0.0, torch.nan])
def test_a_volume_that_is_no_number_is_an_error(filling: float) -> None:
    x = torch.full((2, 1, 2, 2, 3), filling)
    x[0], x[1, 0, 0, 0] = torch.rand(1, 2, 2, 3), torch.nan
    with pytest.raises(DataError, match=r"of the batch's images \[1\]"):
        probability(x)


@pytest.mark.parametrize("sign", [-1, 1])
def test_the_sure_are_still_told_apart(sign: int) -> None:
    x = sign * torch.tensor([20.0, 21.0, 30.0]).reshape(3, 1, 1, 1).expand(3, 1, 2, 2)
    assert len(probability(x)[0].unique()) == 3


def test_other_healthy_class() -> None:
    x = torch.full((1, 1, 2, 2), 3.0)
    torch.testing.assert_close(probability(x, healthy=1)[0], 1 - torch.tensor([3.0], dtype=torch.float64).sigmoid())


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_a_verdict_that_is_no_number_is_an_error(value: float) -> None:
    x = torch.zeros(3, 1, 2, 2)
    x[1, 0, 0, 0] = value
    with pytest.raises(DataError, match=r"found NaN or infinity in those of the batch's images \[1\]"):
        probability(x)


def test_one_class_is_no_verdict() -> None:
    engine = Engine(lambda engine, batch: None)
    engine.state.output = {"image": torch.zeros(2, 1, 4, 4)}
    network = Brightness()
    network.classify = lambda x: torch.zeros(len(x), 1)  # type: ignore[method-assign]
    with pytest.raises(DataError, match="expected a classifier of two classes or more, found 1 output"):
        ClassifierProbability(network)(engine)
