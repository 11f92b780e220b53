# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from ignite.engine import Engine, Events
from monai.engines import SupervisedTrainer
from monai.utils import set_determinism
from torch import nn

from monai_anomaly.engines import CriticTrainer
from monai_anomaly.handlers import AverageGradients

CPU = torch.device("cpu")


class Branches(nn.Module):
    """Two layers, one of which only some images go through, and a third that none does."""

    def __init__(self) -> None:
        super().__init__()
        self.always, self.sometimes, self.never = nn.Linear(3, 1), nn.Linear(3, 1), nn.Linear(3, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        chosen = x[:, :1] > 0.5
        return self.always(x) + (torch.where(chosen, self.sometimes(x), 0) if chosen.any() else 0)


class Watched(nn.Module):
    """A layer, and statistics of what goes in that nothing depends on; a constant."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.statistics = nn.Linear(3, 1), nn.BatchNorm1d(3, affine=False)
        self.constant: torch.Tensor
        self.register_buffer("constant", torch.tensor(0.1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.statistics(x)
        return self.layer(x)


class Pair(nn.Module):
    """A generator and a discriminator of vectors, judged through each other."""

    def __init__(self) -> None:
        super().__init__()
        self.generator, self.discriminator = nn.Linear(3, 3), nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))


def critic_loss(network: Any, image: torch.Tensor, label: torch.Tensor) -> dict[str, torch.Tensor]:
    """With a second derivative, which DistributedDataParallel cannot take."""
    x = image.clone().requires_grad_()
    (slope,) = torch.autograd.grad(network.discriminator(x).sum(), x, create_graph=True)
    judged = network.discriminator(network.generator(image).detach()) - network.discriminator(image)
    return {"loss": judged.mean() + (slope.norm(dim=1) - 1).square().mean()}


def generator_loss(network: Any, image: torch.Tensor, label: torch.Tensor) -> dict[str, torch.Tensor]:
    return {"loss": -network.discriminator(network.generator(image)).mean(), "fake": image}


def batches() -> list[dict[str, torch.Tensor]]:
    """Of 4 samples; the first two of a batch never go through the branch, in the last batch none does."""
    g = torch.Generator().manual_seed(1)
    images = torch.rand(5, 4, 3, generator=g)
    images[:, :2, 0] = images[-1, :, 0] = 0.1
    images[:-1, 2:, 0] = 0.9
    return [{"image": image, "label": image.sum(1, keepdim=True)} for image in images]


def seeded(module: type[nn.Module], seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return module()


def supervised(data: list[dict[str, torch.Tensor]], network: nn.Module, handlers: list) -> SupervisedTrainer:
    """Adam moves weights of gradient 0 by their momentum, and leaves those without a gradient."""
    optimizer = torch.optim.Adam(network.parameters(), lr=0.1, weight_decay=0.1)
    return SupervisedTrainer(
        CPU, 1, data, network, optimizer, nn.functional.mse_loss, decollate=False, train_handlers=handlers
    )


def adversarial(data: list[dict[str, torch.Tensor]], network: Any, handlers: list, **options: Any) -> CriticTrainer:
    g, d = (torch.optim.Adam(p.parameters(), lr=0.1) for p in (network.generator, network.discriminator))
    return CriticTrainer(
        CPU, 1, data, network, g, d, generator_loss, critic_loss, n_critic=2, train_handlers=handlers, **options
    )


TRAININGS: Any = (
    ("supervised", supervised, Branches),
    ("adversarial", adversarial, Pair),
    ("watched", supervised, Watched),
)


def loaded(state: dict[str, torch.Tensor], network: nn.Module) -> Any:
    """A handler that loads weights as the training starts, on the first process only."""
    return lambda engine: network.load_state_dict(state) if dist.get_rank() == 0 else None


def train(rank: int, address: str, path: Path) -> None:
    """One of two processes, with its half of each batch."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=address, rank=rank, world_size=2, timeout=timedelta(seconds=60))
    try:
        halves = [{k: v[2 * rank : 2 * rank + 2] for k, v in batch.items()} for batch in batches()]
        found = {}
        for name, make, module in TRAININGS:
            network = seeded(module, 10 + rank)
            trainer: Any = make(halves, network, [AverageGradients([network])])
            trainer.add_event_handler(Events.STARTED, loaded(seeded(module, 0).state_dict(), network))
            trainer.run()
            found[name] = network.state_dict()
        torch.save(found, path)
    finally:
        dist.destroy_process_group()


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, dict[str, torch.Tensor]]]:
    """The weights of both processes; this is the first of them, for starting one takes seconds."""
    folder, threads = tmp_path_factory.mktemp("processes"), torch.get_num_threads()
    paths = [folder / f"{rank}.pt" for rank in range(2)]
    address = (folder / "address").as_uri()
    other = mp.get_context("spawn").Process(target=train, args=(1, address, paths[1]))
    other.start()
    try:
        train(0, address, paths[0])
    finally:
        torch.set_num_threads(threads)
        other.join()
    return [torch.load(path, weights_only=True) for path in paths]


@pytest.mark.parametrize(("name", "make", "module"), TRAININGS[:2])
def test_two_processes_train_as_one_with_both_batches(trained: list, name: str, make: Any, module: Any) -> None:
    network = seeded(module, 0)
    start = deepcopy(network.state_dict())
    make(batches(), network, []).run()
    for key, value in network.state_dict().items():
        assert torch.equal(trained[0][name][key], trained[1][name][key])
        torch.testing.assert_close(trained[0][name][key], value, rtol=1e-4, atol=1e-5)
    moved = {key.split(".")[0] for key, value in network.state_dict().items() if not torch.equal(value, start[key])}
    assert moved == {name.split(".")[0] for name in start} - {"never"}


def test_running_statistics_are_the_mean_of_both(trained: list) -> None:
    network = seeded(Watched, 0)
    supervised(batches(), network, []).run()
    found, other = trained[0]["watched"], trained[1]["watched"]
    assert all(torch.equal(value, other[name]) for name, value in found.items())
    torch.testing.assert_close(found["statistics.running_mean"], network.statistics.running_mean)
    assert found["constant"] == torch.tensor(0.1) and found["statistics.num_batches_tracked"] == len(batches())


def test_does_nothing_in_one_process() -> None:
    networks = [seeded(Pair, 0) for _ in range(2)]
    for network, handlers in zip(networks, ([], [AverageGradients(networks[1])]), strict=True):
        set_determinism(0)
        adversarial(batches(), network, handlers).run()
    weights = [network.state_dict() for network in networks]
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])


def test_never_both_kinds_of_events(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str | None] = []
    monkeypatch.setattr(AverageGradients, "average", lambda self, engine, part=None: calls.append(part))
    for make, module, expected in (
        (supervised, Branches, [None, None]),
        (adversarial, Pair, ["discriminator", "discriminator", "generator"]),
    ):
        calls.clear()
        network = seeded(module, 0)
        make(batches()[:2], network, [AverageGradients(network)]).run()
        assert calls == expected


def test_engine_without_a_backward_pass_is_refused() -> None:
    with pytest.raises(ValueError, match="not a valid event"):
        AverageGradients(nn.Linear(1, 1)).attach(Engine(lambda engine, batch: None))
