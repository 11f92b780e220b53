# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest
import torch
from monai.data import DataLoader, Dataset
from monai.engines import SupervisedTrainer
from torch import nn

from monai_anomaly.engines import SitePrepareBatch
from monai_anomaly.handlers import ClusterTargets
from monai_anomaly.inferers import LatentInferer
from monai_anomaly.losses import ClassLoss, ContrastiveDiscrepancyLoss, SiteInvariantLoss
from monai_anomaly.networks.nets import LatentCenterClassifier
from monai_anomaly.utils import DataError

CLASSES, SITES = [0, 1, 0, 1, 0, 1], ["B", "B", "C", "C", "A", "A"]


def trainer_of(labels: list[int], sites: list[str], *, clusters: bool = True, term: bool = True) -> SupervisedTrainer:
    """Images of a class point one way, whatever their site; the encoder passes them on."""
    generator = torch.Generator().manual_seed(0)
    ways = torch.tensor([[3.0, 0.0, 0.0], [0.0, 3.0, 0.0]])
    data = [
        {"image": ways[label] + 0.3 * torch.rand(3, generator=generator), "label": label, "site": site}
        for label, site in zip(labels, sites, strict=True)
    ]
    network = LatentCenterClassifier(nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.5)), latent_dim=3)
    nn.init.eye_(network.encoder[0].weight)  # type: ignore[operator]
    terms: dict[str, nn.Module] = {"class": ClassLoss(source_only=True)}
    if term:
        terms["discrepancy"] = ContrastiveDiscrepancyLoss(2, 3, min_images=1)
    loss = SiteInvariantLoss(terms)
    handlers = [ClusterTargets(loss, DataLoader(Dataset(data), batch_size=4))] if clusters else []
    return SupervisedTrainer(
        torch.device("cpu"),
        max_epochs=1,
        train_data_loader=DataLoader(Dataset(data), batch_size=len(data)),
        network=network,
        optimizer=torch.optim.SGD(network.parameters(), 0.01),
        loss_function=loss,
        prepare_batch=SitePrepareBatch(["A", "B", "C"], target="A"),
        inferer=LatentInferer(autocast=None),
        train_handlers=handlers,
        decollate=False,
    )


def test_clusters_of_the_target_are_those_of_the_source_classes() -> None:
    trainer = trainer_of(CLASSES, SITES)
    modes: list[bool] = []
    trainer.network.encoder.register_forward_hook(lambda module, *_: modes.append(module.training))
    trainer.run()
    discrepancy: Any = trainer.loss_function.terms["discrepancy"]  # type: ignore[attr-defined]
    assert discrepancy.centers.argmax(1).tolist() == [0, 1] and discrepancy.used.all()
    assert modes == [False, False, True]  # two batches without dropout, then the training
    assert trainer.state.output["loss"].isfinite()


def test_without_it_the_loss_says_what_is_missing() -> None:
    with pytest.raises(DataError, match="ClusterTargets"):
        trainer_of(CLASSES, SITES, clusters=False).run()


def test_other_losses_embed_nothing() -> None:
    trainer, calls = trainer_of(CLASSES, SITES, term=False), []
    trainer.network.encoder.register_forward_hook(lambda *_: calls.append(1))  # type: ignore[union-attr,operator]
    trainer.run()
    assert calls == [1]


@pytest.mark.parametrize("labels, sites", [([0, 0, 1], ["B", "C", "A"]), ([0, 1], ["B", "C"])])
def test_data_without_a_class_in_the_source_or_a_target_is_refused(labels: list[int], sites: list[str]) -> None:
    with pytest.raises(DataError, match="every class"):
        trainer_of(labels, sites).run()
