# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import copy

import pytest
import torch
from ignite.engine import Engine
from torch import nn

from monai_anomaly.handlers import MovingAverage


def engine_that_sets(network: nn.Module) -> Engine:
    """Every iteration sets all parameters to the batch's number."""

    def step(engine: Engine, value: float) -> None:
        for p in network.parameters():
            nn.init.constant_(p, value)

    return Engine(step)


@pytest.mark.parametrize("decay", [0.0, 0.3, 0.9999])
def test_formula(decay: float) -> None:
    source = nn.Linear(2, 3)
    average = copy.deepcopy(source)
    expected = [p.clone() for p in source.parameters()]
    engine = engine_that_sets(source)
    MovingAverage(source, average, decay).attach(engine)
    values = [1.0, -2.0, 4.0, 0.5]
    engine.run(values, max_epochs=2)
    for n, value in enumerate(values * 2, start=1):  # iterations continue through the epochs
        d = min(decay, (1 + n) / (10 + n)) if n > 1 else 0.0
        expected = [d * p + (1 - d) * value for p in expected]
    for p, q in zip(average.parameters(), expected, strict=True):
        torch.testing.assert_close(p, q)


@pytest.mark.parametrize("loaded", [False, True])
def test_source_at_rest_is_its_own_average(loaded: bool) -> None:
    """Also of one whose weights came from a file after the average was made."""
    source = nn.Linear(2, 3)
    average = nn.Linear(2, 3) if loaded else copy.deepcopy(source)
    engine = Engine(lambda engine, batch: None)
    MovingAverage(source, average).attach(engine)
    engine.run(range(5))
    for p, q in zip(average.parameters(), source.parameters(), strict=True):
        torch.testing.assert_close(p, q)


def test_statistics_are_averaged_as_the_weights_and_counters_are_copied() -> None:
    source = nn.BatchNorm1d(2)
    average = copy.deepcopy(source)
    engine = Engine(lambda engine, batch: source(batch))
    MovingAverage(source, average, decay=0.1).attach(engine)
    engine.run([torch.rand(4, 2) + 5])
    first = source.running_mean.clone()
    torch.testing.assert_close(average.running_mean, first)
    engine.run([torch.rand(4, 2) - 5], max_epochs=2)
    torch.testing.assert_close(average.running_mean, 0.1 * first + 0.9 * source.running_mean)
    assert int(average.num_batches_tracked) == 2


def test_average_is_frozen_and_the_source_is_not() -> None:
    source = nn.Linear(2, 3)
    average = copy.deepcopy(source)
    MovingAverage(source, average)
    assert not average.training and not any(p.requires_grad for p in average.parameters())
    assert source.training and all(p.requires_grad for p in source.parameters())


def test_parts_that_do_not_learn_are_the_same_in_the_average() -> None:
    """Their weights come from a file after the average was made."""
    source = nn.Sequential(nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)), nn.Linear(3, 1))
    average = copy.deepcopy(source)
    source[0].requires_grad_(False)
    for tensor in source.state_dict().values():
        tensor.add_(1)
    engine = Engine(lambda engine, batch: [p.data.add_(1) for p in source[1].parameters()])
    MovingAverage(source, average, 0.9).attach(engine)
    engine.run([0, 0])
    for key, value in source.state_dict().items():
        assert torch.equal(value, average.state_dict()[key]) == key.startswith("0."), key


@pytest.mark.parametrize("decay", [-0.1, 1.0, 2.0])
def test_decay_out_of_range(decay: float) -> None:
    with pytest.raises(ValueError, match="decay"):
        MovingAverage(nn.Linear(1, 1), nn.Linear(1, 1), decay)
