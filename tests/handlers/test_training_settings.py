# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from monai.transforms import Compose, RandFlipd
from torch import nn
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader, TensorDataset

from monai_anomaly.data import AnchorBatchSampler
from monai_anomaly.diffusion import NoiseSchedule
from monai_anomaly.handlers import changed_settings, training_settings


class Transformed(TensorDataset):
    def __init__(self, transform: Any, cache_dir: Path) -> None:
        super().__init__(torch.zeros(8, 1))
        self.transform = transform
        self.cache_dir = cache_dir


class Recorder(nn.Module):
    """Keeps its last result, as MONAI's ``DynUNet`` does."""

    def __init__(self) -> None:
        super().__init__()
        self.heads = [torch.rand(1)]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.heads[0] = x[0, :1]
        return x


def parts(
    dropout: float = 0.2,
    rate: float = 0.1,
    other_rate: float = 0.1,
    weight: float = 1.0,
    beta: float = 0.5,
    flip: float = 0.5,
    batch_size: int = 2,
    epochs: int = 3,
    place: str = "here",
    act: type[nn.Module] = nn.ReLU,
    amp: bool = False,
    noise: float = 0.0,
    **more: Any,
) -> dict[str, Any]:
    network = nn.Sequential(nn.Linear(1, 2), act(), nn.Dropout(dropout), Recorder())
    loss = nn.CrossEntropyLoss(weight=torch.tensor([1.0, weight]))
    levels = np.linspace(0.1, 0.9, 1000) * (1 + noise)
    computed = {"levels": levels, "bar": torch.from_numpy(levels), "list": levels.tolist()}
    loss.options = SimpleNamespace(beta=beta * (1 + noise), itself=loss, **computed)
    groups = [{"params": network[0].weight, "lr": rate}, {"params": network[0].bias, "lr": other_rate}]
    optimizer = torch.optim.SGD(groups)
    schedule = LambdaLR(optimizer, lambda step, total=epochs * 4: max(0.0, 1 - step / total))
    data = Transformed(Compose([RandFlipd("image", prob=flip)]), Path(place))
    loader = DataLoader(data, batch_size=batch_size, shuffle=True)
    trainer = SimpleNamespace(
        network=network, optimizer=optimizer, loss_function=loss, data_loader=loader, amp=amp, **more
    )
    return {"trainer": trainer, "schedules": [schedule]}


def settings(**options: Any) -> dict[str, Any]:
    return json.loads(json.dumps(training_settings(**parts(**options))))


def test_equal_trainings_have_equal_settings_after_they_ran_too() -> None:
    trained = parts()
    trainer, (schedule,) = trained.values()
    before = training_settings(**trained)
    trainer.network(torch.rand(2, 1)).sum().backward()
    trainer.optimizer.step()
    schedule.step()
    trainer.data_loader.dataset.transform({"image": torch.rand(1, 4)})
    trainer.network.eval()
    assert not any(changed_settings(before, training_settings(**trained)))
    assert not any(changed_settings(before, settings()))


MOVED = type("ReLU", (nn.ReLU,), {"__module__": "elsewhere"})


@pytest.mark.parametrize(
    "option", [{"place": "there"}, {"epochs": 9}, {"amp": True}, {"noise": 1e-15}, {"noise": -3e-16}, {"act": MOVED}]
)
def test_where_how_long_how_precisely_and_on_which_cpu_are_no_settings(option: dict[str, Any]) -> None:
    assert not any(changed_settings(settings(), settings(**option)))


@pytest.mark.parametrize(
    ("option", "change"),
    [
        ({"dropout": 0.3}, "network.2.p 0.2 -> 0.3"),
        ({"act": nn.ELU}, "network.1 ReLU -> ELU"),
        ({"rate": 0.2}, "optimizer.0.lr 0.1 -> 0.2"),
        ({"other_rate": 0.2}, "optimizer.1.lr 0.1 -> 0.2"),
        ({"beta": 0.25}, "loss_function.options.beta 0.5 -> 0.25"),
        ({"weight": 2.0}, "loss_function.weight float32 [2] "),
        ({"batch_size": 4}, "batch_size 2 -> 4"),
        ({"flip": 1.0}, "dataset.transform.transforms.0.prob 0.5 -> 1.0"),
        ({"noise": 1e-4}, "loss_function.options.beta 0.5 -> 0.50005"),
    ],
)
def test_a_change_is_told_by_its_place(option: dict[str, Any], change: str) -> None:
    (first, *_), _ = changed_settings(settings(), settings(**option))
    assert first.startswith(change)


def test_every_kind_of_number_is_compared() -> None:
    changed, _ = changed_settings(settings(), settings(noise=1e-4))
    assert [change.split()[0].rpartition(".")[2] for change in changed] == ["beta", "levels", "bar", "list"]


@pytest.mark.parametrize(("option", "shown"), [({"n_critic": 5}, "5"), ({"max_grad_norm": float("inf")}, "inf")])
def test_what_one_side_has_alone_is_told_apart(option: dict[str, Any], shown: str) -> None:
    (name,) = option
    assert changed_settings(settings(), settings(**option)) == ([], [f"{name} none -> {shown}"])


SCHEDULE = """
import json
import os
import subprocess
import sys
from types import SimpleNamespace
from monai_anomaly.data import AnchorBatchSampler
from monai_anomaly.diffusion import NoiseSchedule
from monai_anomaly.handlers import training_settings
print(json.dumps(training_settings(SimpleNamespace(loss_function=NoiseSchedule()))))
"""


def test_a_noise_schedule_is_the_same_one_on_a_cpu_without_vector_instructions() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCHEDULE],
        env={**os.environ, "ATEN_CPU_CAPABILITY": "default"},
        capture_output=True,
        text=True,
        check=True,
    )
    here = training_settings(SimpleNamespace(loss_function=NoiseSchedule()))
    assert "loss_function.alphas_cumprod" in here and not any(changed_settings(json.loads(done.stdout), here))


def test_a_sampler_of_batches_is_one_setting_with_its_arguments_in_every_epoch() -> None:
    def settings(batch_size: int, epoch: int = 0) -> dict[str, Any]:
        sampler = AnchorBatchSampler([0, 1] * 4, ["A"] * 8, "A", batch_size)
        sampler.set_epoch(epoch)
        loader = DataLoader(TensorDataset(torch.zeros(8, 1)), batch_sampler=sampler)
        return training_settings(SimpleNamespace(data_loader=loader))

    assert settings(2)["batch_sampler"] == "AnchorBatchSampler" and "sampler" not in settings(2)
    assert changed_settings(settings(2), settings(4)) == (["batch_sampler.batch_size 2 -> 4"], [])
    assert settings(2, epoch=3) == settings(2)
