# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""A classifier of several sites whose loss has weights of its own, interrupted and resumed."""

from __future__ import annotations

from pathlib import Path

import torch
from ignite.engine import Events
from monai.data import DataLoader, Dataset
from monai.engines import SupervisedTrainer
from torch import nn

from monai_anomaly.engines import SitePrepareBatch
from monai_anomaly.handlers import EpochSeed, LossProgress, TrainingState, changed_settings, training_settings
from monai_anomaly.inferers import LatentInferer
from monai_anomaly.losses import (
    ConfusionLoss,
    DomainAdversarialLoss,
    GroupDROLoss,
    LatentLoss,
    SiteInvariantLoss,
    group_counts,
)
from monai_anomaly.networks.nets import LatentCenterClassifier

SITES, EPOCHS = ["A", "B", "C"], 3
LABEL, SITE = [0, 1, 0, 0, 1, 1, 0, 1], ["A", "A", "B", "B", "C", "C", "A", "A"]


class SiteTraining:
    """As a new process would build it."""

    def __init__(self, folder: Path, scale: float = 1.0) -> None:
        torch.manual_seed(0)
        x = torch.randn(8, 5, generator=torch.Generator().manual_seed(1))
        data = [{"image": x[i], "label": LABEL[i], "site": SITE[i]} for i in range(8)]
        self.network = LatentCenterClassifier(nn.Linear(5, 4), latent_dim=4)
        self.loss = SiteInvariantLoss(
            {
                "class": GroupDROLoss(group_counts(LABEL, SITE, SITES, 2), step=0.5),
                "site": DomainAdversarialLoss(3, latent_dim=4, hidden=4, scale=scale),
                "confusion": ConfusionLoss(3, latent_dim=4, hidden=4),
                "latent": LatentLoss(),
            }
        )
        optimizer = torch.optim.Adam([*self.network.parameters(), *self.loss.parameters()], lr=0.05)
        self.trainer = SupervisedTrainer(
            torch.device("cpu"),
            max_epochs=EPOCHS,
            train_data_loader=DataLoader(Dataset(data), batch_size=4, shuffle=True),
            network=self.network,
            optimizer=optimizer,
            loss_function=self.loss,
            prepare_batch=SitePrepareBatch(SITES, "A"),
            inferer=LatentInferer(autocast=None),
            decollate=False,
            train_handlers=[
                EpochSeed(0),
                LossProgress(self.loss, 2 * EPOCHS),
                TrainingState(
                    folder / "state.pt", {"network": self.network, "loss": self.loss, "optimizer": optimizer}
                ),
            ],
        )

    def run(self, stop: int = EPOCHS) -> SiteTraining:
        self.trainer.add_event_handler(Events.EPOCH_COMPLETED(once=stop), lambda engine: engine.terminate())
        self.trainer.run()
        return self

    def state(self) -> dict[str, torch.Tensor]:
        return {**self.network.state_dict(), **self.loss.state_dict()}


def test_an_interrupted_training_ends_with_the_same_bits(tmp_path: Path) -> None:
    straight = SiteTraining(tmp_path / "straight").run().state()
    SiteTraining(tmp_path / "broken").run(stop=1)
    resumed = SiteTraining(tmp_path / "broken").run().state()
    assert all(torch.equal(straight[name], resumed[name]) for name in straight)


def test_all_its_weights_change(tmp_path: Path) -> None:
    before = {name: value.clone() for name, value in SiteTraining(tmp_path).state().items()}
    after = SiteTraining(tmp_path).run().state()
    # nothing but the centers is without a loss
    assert [name for name in before if torch.equal(before[name], after[name])] == ["centers"]


def test_the_arguments_of_the_losses_are_settings(tmp_path: Path) -> None:
    training = SiteTraining(tmp_path).run()
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    settings = state["about"]["settings"]
    assert settings["loss_function.terms.site.scale"] == 1
    assert settings["loss_function.terms.class.groups"] == training.loss.terms["class"].groups
    assert settings["loss_function.weights.latent"] == 1
    assert settings["prepare_batch.target"] == ["A"]
    assert not any(
        changed_settings(training_settings(SiteTraining(tmp_path).trainer), training_settings(training.trainer))
    )
