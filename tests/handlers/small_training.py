# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""A training of seconds with the handlers that keep it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from ignite.engine import Events
from ignite.metrics import Loss
from monai.data import DataLoader, Dataset
from monai.engines import SupervisedEvaluator, SupervisedTrainer
from monai.handlers import LrScheduleHandler, ValidationHandler, from_engine
from monai.optimizers import WarmupCosineSchedule
from torch import nn

from monai_anomaly.handlers import EpochSeed, FiniteLoss, MovingAverage, TrainingState

CPU = torch.device("cpu")


def samples(n: int) -> list[dict[str, torch.Tensor]]:
    g = torch.Generator().manual_seed(0)
    return [{"image": torch.rand(3, generator=g), "label": torch.rand(1, generator=g)} for _ in range(n)]


class Sliced(Dataset):
    """Samples that tell which they are, as those of `SliceDataset` do."""

    def __init__(self, data: list[Any], name: str) -> None:
        super().__init__(data)
        self._summary = {"samples": len(data), "subjects": 2, "with_mask": 0, "fingerprint": name}

    @property
    def summary(self) -> dict[str, Any]:
        return self._summary


def network(width: int = 4) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(3, width), nn.BatchNorm1d(width), nn.Dropout(0.2), nn.Linear(width, 1))


class Training:
    """A small but complete training, as a new process would build it."""

    def __init__(
        self,
        folder: Path,
        epochs: int,
        *,
        width: int = 4,
        batch_size: int = 2,
        rate: float = 0.05,
        data: Dataset | None = None,
        settings: dict[str, Any] | None = None,
        validation: list[float] | None = None,
        val_interval: int = 1,
        objects: tuple[str, ...] = ("network", "average", "optimizer", "schedule"),
        weight_decay: float = 0.0,
        constant: bool = False,
        pretrained: Path | None = None,
        **options: Any,
    ) -> None:
        self.network, self.average = network(width), network(width)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=rate, weight_decay=weight_decay)
        loader = DataLoader(data or Sliced(samples(8), "a"), batch_size=batch_size, shuffle=True)
        self.schedule: torch.optim.lr_scheduler.LRScheduler
        if constant:
            self.schedule = torch.optim.lr_scheduler.ConstantLR(self.optimizer, factor=1.0)
        else:
            self.schedule = WarmupCosineSchedule(self.optimizer, warmup_steps=3, t_total=epochs * len(loader))
        self.validation = validation

        def loss(pred: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
            """The mean squared error, or what the test dictates for the epoch."""
            if self.validation is not None:
                return torch.tensor(self.validation[self.trainer.state.epoch - 1])
            return nn.functional.mse_loss(pred, label)

        self.evaluator = SupervisedEvaluator(
            CPU,
            DataLoader(Dataset(samples(4)), batch_size=4),
            self.average,
            key_val_metric={"loss": Loss(loss, output_transform=from_engine(["pred", "label"], first=False))},
            metric_cmp_fn=lambda new, best: new < best,
            decollate=False,
        )
        everything = {n: getattr(self, n) for n in ("network", "average", "optimizer", "schedule")}
        self.handler = TrainingState(
            folder / "state.pt",
            {name: everything[name] for name in objects},
            folder / "model.pt",
            self.average,
            self.evaluator,
            settings={"seed": 7} if settings is None else settings,
            pretrained=pretrained,
            **options,
        )
        self.trainer = SupervisedTrainer(
            CPU,
            epochs,
            loader,
            self.network,
            self.optimizer,
            nn.functional.mse_loss,
            decollate=False,
            train_handlers=[
                MovingAverage(self.network, self.average, 0.9),
                EpochSeed(7),
                FiniteLoss(),
                LrScheduleHandler(self.schedule, print_lr=False, epoch_level=False),
                ValidationHandler(val_interval, self.evaluator),
                self.handler,
            ],
        )

    def run(self) -> Training:
        self.trainer.run()
        return self

    def weights(self) -> list[torch.Tensor]:
        state = [*self.network.state_dict().values(), *self.average.state_dict().values()]
        return [v.clone() for v in state]


def cut_short(folder: Path, after: int, epochs: int, **options: Any) -> Training:
    """A training of some epochs that ends early, as by a kill."""
    training = Training(folder, epochs, **options)
    stop_after(training, after)
    return training.run()


def stop_after(training: Training, epoch: int) -> None:
    training.trainer.add_event_handler(Events.EPOCH_COMPLETED(once=epoch), lambda engine: engine.terminate())
