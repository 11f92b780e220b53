# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from ignite.engine import Events
from monai.data import MetaTensor
from monai.engines import SupervisedTrainer
from torch import nn

from monai_anomaly.engines.class_batch import ClassPrepareBatch


@pytest.mark.parametrize("label", [torch.tensor([0, 1]), torch.tensor([[0.0], [1.0]]), MetaTensor([0.0, 1.0]), [0, 1]])
def test_image_and_class(label: torch.Tensor | list[int]) -> None:
    batch = {"image": MetaTensor(torch.rand(2, 3, 4, 4)), "label": label}
    inputs, targets = ClassPrepareBatch()(batch, device="cpu", dtype=torch.float64)
    assert type(inputs) is torch.Tensor and inputs.dtype == torch.float64
    assert torch.equal(inputs.float(), batch["image"].as_tensor())
    assert type(targets) is torch.Tensor and targets.dtype == torch.int64 and torch.equal(targets, torch.tensor([0, 1]))


def test_a_classifier_learns_from_it() -> None:
    images = torch.randn(8, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    batches = [{"image": images, "label": (images.mean((1, 2, 3)) > 0).float()}]
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
    losses = []
    trainer = SupervisedTrainer(
        device=torch.device("cpu"),
        max_epochs=20,
        train_data_loader=batches,
        network=network,
        optimizer=torch.optim.SGD(network.parameters(), 0.5),
        loss_function=nn.CrossEntropyLoss(),
        prepare_batch=ClassPrepareBatch(),
        decollate=False,
    )
    trainer.add_event_handler(Events.ITERATION_COMPLETED, lambda: losses.append(trainer.state.output["loss"].item()))
    trainer.run()
    assert losses[-1] < 0.5 * losses[0]
