# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Task networks trained alone, on the diffusion network of another training."""

from __future__ import annotations

import copy
import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from ignite.metrics import Loss
from monai.data import DataLoader, Dataset
from monai.engines import SupervisedEvaluator, SupervisedTrainer
from monai.handlers import ValidationHandler, from_engine
from monai.networks.nets import DiffusionModelUNet

from monai_anomaly.diffusion import NoiseSchedule
from monai_anomaly.engines import NoisyPrepareBatch
from monai_anomaly.handlers import LevelRamp, MovingAverage, TrainingState, trained_level
from monai_anomaly.inferers import AutocastInferer
from monai_anomaly.losses import ClassificationLoss, GuidedDiffusionLoss, RegressionLoss, SegmentationLoss
from monai_anomaly.networks.nets import GuidedDiffusionNet, NoiseConditionedEncoder
from monai_anomaly.networks.weights import load_weights
from monai_anomaly.utils import DataError, read_model_record

CPU = torch.device("cpu")
LEVELS: dict[str, Any] = {"channels": (8, 8), "num_res_blocks": 1, "attention_levels": (False, False)}
LEVELS |= {"norm_num_groups": 8, "num_head_channels": 8}
LOSSES = {"classifier": ClassificationLoss(), "size": RegressionLoss("size"), "tumor": SegmentationLoss()}


def network(tasks: tuple[str, ...], classes: int | None = None, **options: Any) -> GuidedDiffusionNet:
    made: dict[str, torch.nn.Module] = {
        "classifier": NoiseConditionedEncoder(in_channels=1, out_channels=2, pool="local", **LEVELS),
        "size": NoiseConditionedEncoder(in_channels=1, out_channels=1, pool="local", **LEVELS),
        "tumor": DiffusionModelUNet(2, 1, 1, **LEVELS),
    }
    unet = DiffusionModelUNet(2, 1, 2, num_class_embeds=classes, **LEVELS)
    return GuidedDiffusionNet(unet, **{name: made[name] for name in tasks}, **options)


class Training:
    """One epoch of two iterations, put together as a bundle does it."""

    def __init__(
        self, folder: Path, net: GuidedDiffusionNet, schedule: NoiseSchedule, max_level: int, **options: Any
    ) -> None:
        self.network, self.average, self.folder = net, copy.deepcopy(net), folder
        losses = {name: LOSSES[name] for name in net.tasks}
        loss = GuidedDiffusionLoss(schedule, tasks=losses, trained=net.trained)
        targets = [task.target for task in losses.values()]
        batch = NoisyPrepareBatch(schedule, max_level=max_level, targets=targets, conditional=net.conditional)
        g = torch.Generator().manual_seed(0)
        data = [{"image": torch.rand(1, 8, 8, generator=g), "label": i % 2, "size": i / 8} for i in range(8)]
        loader = DataLoader(Dataset([{**d, "mask": d["image"] > d["size"]} for d in data]), batch_size=4)
        common = {"prepare_batch": batch, "inferer": AutocastInferer(None), "decollate": False}
        metric = {"loss": Loss(loss, output_transform=from_engine(["pred", "label"]))}
        evaluator = SupervisedEvaluator(CPU, loader, self.average, key_val_metric=metric, **common)
        optimizer = torch.optim.AdamW(net.parameters(), 0.01, weight_decay=0.1)
        objects = {"network": net, "average": self.average, "optimizer": optimizer}
        state = TrainingState(folder / "s.pt", objects, folder / "model.pt", self.average, evaluator, **options)
        self.ramp = LevelRamp(batch, 8)
        handlers = [MovingAverage(net, self.average), self.ramp, ValidationHandler(1, evaluator), state]
        self.trainer = SupervisedTrainer(CPU, 1, loader, net, optimizer, loss, train_handlers=handlers, **common)

    def run(self) -> Training:
        self.trainer.run()
        return self


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a diffusion network with a classifier."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("base")
    Training(folder, network(("classifier",)), NoiseSchedule(), 550).run()
    return folder / "model.pt"


@pytest.fixture(scope="module")
def tasks(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Training:
    folder = tmp_path_factory.mktemp("tasks")
    net = network(("size", "tumor"), trained=["size", "tumor"])
    with pytest.warns(UserWarning, match="trained up to noise level 550, and are used up to 1000"):
        return Training(folder, net, NoiseSchedule(), 1000, pretrained=base).run()


def test_the_diffusion_network_stays_and_the_task_networks_learn(base: Path, tasks: Training) -> None:
    before = torch.load(base, weights_only=True)
    own, average = tasks.network.state_dict(), tasks.average.state_dict()
    diffusion = [key for key in own if key.startswith("diffusion.")]
    assert all(torch.equal(own[key], before[key]) and torch.equal(average[key], before[key]) for key in diffusion)
    assert all(p.grad is None for p in tasks.network.diffusion.parameters())
    for task in tasks.network.tasks.values():
        assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in task.parameters())


def test_one_file_holds_everything_afterward(base: Path, tasks: Training) -> None:
    later = network(("size", "tumor"))
    match = load_weights(later, tasks.folder / "model.pt")
    assert not match.new and torch.equal(
        later.diffusion.conv_in.conv.weight, tasks.network.diffusion.conv_in.conv.weight
    )
    record = read_model_record(tasks.folder / "model.pt")
    assert record["training"]["pretrained"]["file"] == base.name
    assert trained_level(record) == 550  # of the diffusion network, though the task networks saw more noise


def test_new_task_networks_have_a_ramp(tasks: Training) -> None:
    assert tasks.trainer.state.pretrained["new"] == ["size", "tumor"]
    assert tasks.ramp.prepare_batch.task_max_level is not None


def test_it_is_told_what_was_taken(base: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    net = network(("size",), trained=["size"])
    with caplog.at_level(logging.INFO):
        Training(tmp_path, net, NoiseSchedule(), 550, pretrained=base).run()
    assert "not in the file: size.*; not in the network: classifier.*" in caplog.text


@pytest.mark.parametrize(
    ("net", "schedule", "message"),
    [
        ({}, NoiseSchedule(kind="cosine"), r"\(T = 1000, cosine\), found .*\(T = 1000, linear, betas"),
        ({"classes": 2}, NoiseSchedule(), "all weights of diffusion, .*not in the file: diffusion.class_embedding.wei"),
    ],
)
def test_another_diffusion_network_is_refused(
    base: Path, tmp_path: Path, net: dict[str, Any], schedule: NoiseSchedule, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        Training(tmp_path, network(("size",), trained=["size"], **net), schedule, 550, pretrained=base).run()
    assert not list(tmp_path.iterdir())


def test_a_part_that_is_not_trained_needs_weights(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected weights of diffusion, .*--pretrained"):
        Training(tmp_path, network(("size",), trained=["size"]), NoiseSchedule(), 550).run()


def test_weights_that_learn_on_may_learn_another_schedule(base: Path, tmp_path: Path) -> None:
    Training(tmp_path, network(("size",)), NoiseSchedule(kind="cosine"), 550, pretrained=base).run()
