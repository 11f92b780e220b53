# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from torch import nn

from monai_anomaly.inferers import AutocastInferer
from monai_anomaly.utils import DataError


@pytest.mark.parametrize(("name", "dtype"), [(None, torch.float32), ("bfloat16", torch.bfloat16)])
def test_network_runs_in_the_asked_precision(name: str | None, dtype: torch.dtype) -> None:
    layer, seen = nn.Linear(3, 2), []
    layer.register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))
    AutocastInferer(name)(torch.ones(1, 3), layer)
    assert seen == [dtype]


def test_further_arguments_reach_the_network() -> None:
    result = AutocastInferer(None)(torch.ones(2), lambda x, *args, **kwargs: (x, args, kwargs), 1, timesteps=2)
    assert result[1:] == ((1,), {"timesteps": 2})


def test_gradients_arrive_in_full_precision() -> None:
    layer = nn.Linear(3, 2)
    AutocastInferer("bfloat16")(torch.ones(1, 3), layer).sum().backward()
    assert layer.weight.grad is not None and layer.weight.grad.dtype == torch.float32


def test_a_loss_gets_float32() -> None:
    x = torch.rand(1, 4)
    layer = torch.nn.Linear(4, 4)
    assert AutocastInferer("bfloat16")(x, layer).dtype == torch.float32
    pair = AutocastInferer("bfloat16")(x, lambda v: (layer(v), [layer(v)]))
    assert pair[0].dtype == pair[1][0].dtype == torch.float32 and isinstance(pair, tuple)
    named = AutocastInferer("bfloat16")(x, lambda v: {"a": layer(v), "b": [layer(v)]})
    assert named["a"].dtype == named["b"][0].dtype == torch.float32


@pytest.mark.parametrize("value", [float("nan"), 1e6])
def test_results_that_are_no_numbers_are_an_error_without_gradients(value: float) -> None:
    """A million is more than float16 holds; what is too much in training is the loss's matter."""

    def network(x: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        return x, [(x * value).half()]

    def naming(x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"x": x, "y": network(x)[1][0]}

    inferer = AutocastInferer("float16")
    assert not inferer(torch.ones(2), network)[1][0].isfinite().any()
    for each in (network, naming):
        with torch.no_grad(), pytest.raises(DataError, match="found NaN or infinity in float16: its"):
            inferer(torch.ones(2), each)
