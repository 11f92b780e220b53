# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from ignite.engine import Engine
from monai.data import DataLoader, Dataset
from monai.transforms import RandGaussianNoise

from monai_anomaly.handlers import EpochSeed


@pytest.fixture(autouse=True)
def _global_state() -> Iterator[None]:
    """The handler is about global generators; other tests must not notice."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    cudnn = torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark
    yield
    random.setstate(states[0])
    np.random.set_state(states[1])
    torch.set_rng_state(states[2])
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = cudnn


def draws(first_epoch: int, last_epoch: int, seed: int = 0, rank: int = 0) -> dict[int, list[Any]]:
    """Batches and random numbers of each epoch, in an engine that starts after some epochs."""
    noise = RandGaussianNoise(prob=1.0)
    seen: dict[int, list[Any]] = {}

    def step(engine: Engine, batch: torch.Tensor) -> None:
        numbers = [random.random(), float(np.random.rand()), float(torch.rand(())), float(noise(torch.zeros(1, 1))[0])]
        seen.setdefault(engine.state.epoch, []).append((batch.tolist(), numbers))

    engine = Engine(step)
    EpochSeed(seed, transform=noise, rank=rank).attach(engine)
    loader = DataLoader(Dataset(list(range(7))), batch_size=2, shuffle=True, num_workers=0)
    random.seed(last_epoch)  # whatever was drawn before
    torch.manual_seed(first_epoch)
    engine.state.epoch, engine.state.iteration = first_epoch - 1, (first_epoch - 1) * len(loader)
    engine.state.max_epochs, engine.state.epoch_length = last_epoch, len(loader)
    engine.run(loader)
    return seen


def test_an_epoch_is_the_same_in_every_run_that_reaches_it() -> None:
    straight, resumed = draws(1, 4), draws(3, 4)
    assert set(resumed) == {3, 4}
    assert all(resumed[epoch] == straight[epoch] for epoch in resumed)


def test_epochs_seeds_and_processes_differ() -> None:
    runs = [*draws(1, 2).values(), *draws(1, 1, seed=1).values(), *draws(1, 1, rank=1).values()]
    first_numbers = [epoch[0][1] for epoch in runs]
    for column in zip(*first_numbers, strict=True):
        assert len(set(column)) == 4


def test_sampler_learns_the_epoch() -> None:
    class Sampler:
        epochs: list[int] = []

        def set_epoch(self, epoch: int) -> None:
            self.epochs.append(epoch)

    engine = Engine(lambda engine, batch: None)
    EpochSeed(0, sampler=Sampler()).attach(engine)
    engine.run([0], max_epochs=3)
    assert Sampler.epochs == [1, 2, 3]


def test_large_seeds_are_no_error() -> None:
    EpochSeed(2**40, transform=RandGaussianNoise())(Engine(lambda engine, batch: None))
