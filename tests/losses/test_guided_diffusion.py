# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from monai_anomaly.diffusion import NoisyImages
from monai_anomaly.engines import NoisyPrepareBatch
from monai_anomaly.losses import (
    ClassificationLoss,
    GuidedDiffusionLoss,
    HybridDiffusionLoss,
    RegressionLoss,
    SegmentationLoss,
)

Outputs = dict[str, torch.Tensor]
TASKS = {"classifier": ClassificationLoss(), "size": RegressionLoss("size"), "tumor": SegmentationLoss()}


def sample(*parts: str) -> tuple[Outputs, NoisyImages]:
    """Outputs of some parts of a network, all of them leaves, and the noisy images with their targets."""
    g = torch.Generator().manual_seed(0)
    mask = torch.randint(0, 2, (4, 1, 4, 4), generator=g)
    data = {"image": torch.rand(4, 2, 4, 4, generator=g) * 2 - 1, "label": torch.tensor([0, 1, 1, 0])}
    data |= {"mask": mask, "size": mask.float().mean((1, 2, 3))}
    target = NoisyPrepareBatch(seed=0, targets=("label", "size", "mask"))(data)[1]
    shapes = {"diffusion": (4, 4, 4, 4), "classifier": (4, 2), "size": (4, 1), "tumor": (4, 1, 4, 4)}
    outputs = {name: torch.randn(shape, generator=g).requires_grad_() for name, shape in shapes.items()}
    return {name: outputs[name] for name in parts or shapes}, target


def test_weight_scales_its_task_alone() -> None:
    """A classifier that says even odds of two classes costs ln 2, whatever the diffusion network says."""
    pred, target = sample("diffusion", "classifier")
    pred["classifier"] = torch.zeros(4, 2)
    tasks = [{"classifier": ClassificationLoss(weight=w)} for w in (0.0, 1.0, 3.0)]
    losses = [GuidedDiffusionLoss(tasks=t)(pred, target) for t in tasks]
    assert [(loss - losses[0]).item() for loss in losses] == pytest.approx([0, math.log(2), 3 * math.log(2)], rel=1e-4)


def test_perfect_networks_cost_nothing() -> None:
    _, target = sample()
    wanted = target.targets
    outputs = {
        "diffusion": target.noise,
        "classifier": 100 * F.one_hot(wanted["label"], 2).float(),
        "size": wanted["size"],
        "tumor": 200 * wanted["mask"] - 100,
    }
    assert GuidedDiffusionLoss(tasks=TASKS)(outputs, target) < 1e-6


@pytest.mark.parametrize("learns", ["diffusion", *TASKS])
def test_each_network_learns_from_its_own_part(learns: str) -> None:
    pred, target = sample()
    part = HybridDiffusionLoss() if learns == "diffusion" else TASKS[learns]
    part(pred[learns], target).backward()
    alone = pred[learns].grad
    again, _ = sample()
    GuidedDiffusionLoss(tasks=TASKS)(again, target).backward()
    assert alone is not None and alone.abs().sum() > 0 and again[learns].grad is not None
    torch.testing.assert_close(again[learns].grad, alone)
    assert all(p.grad is None for name, p in pred.items() if name != learns)


def test_without_the_diffusion_network_it_is_the_sum_of_the_tasks() -> None:
    pred, target = sample("size", "tumor")
    loss = GuidedDiffusionLoss(tasks=TASKS, trained=["tumor", "size"])(pred, target)
    torch.testing.assert_close(loss, TASKS["size"](pred["size"], target) + TASKS["tumor"](pred["tumor"], target))


def test_the_diffusion_network_alone_has_the_hybrid_loss() -> None:
    pred, target = sample("diffusion")
    expected = HybridDiffusionLoss()(pred["diffusion"], target)
    assert torch.equal(GuidedDiffusionLoss(tasks={})(pred, target), expected)
    assert torch.equal(GuidedDiffusionLoss(tasks=TASKS, trained=["diffusion"])(pred, target), expected)


@pytest.mark.parametrize("parts", [("diffusion",), ("diffusion", "size"), ("diffusion", *TASKS), ()])
def test_outputs_and_losses_belong_together(parts: tuple[str, ...]) -> None:
    pred, target = sample(*parts)
    with pytest.raises(ValueError, match=r"have a loss, \['classifier'\], found "):
        GuidedDiffusionLoss()(pred, target)


def test_what_cannot_be_trained_is_refused() -> None:
    with pytest.raises(ValueError, match=r"trained names \['sise'\], which have no loss"):
        GuidedDiffusionLoss(tasks=TASKS, trained=["size", "sise"])
    with pytest.raises(ValueError, match="found none"):
        GuidedDiffusionLoss(tasks={})({}, sample()[1])


def test_half_precision_outputs_are_scored_in_full_precision() -> None:
    pred, target = sample()
    loss = GuidedDiffusionLoss(tasks=TASKS)({name: p.bfloat16() for name, p in pred.items()}, target)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, GuidedDiffusionLoss(tasks=TASKS)(pred, target), rtol=0.02, atol=0.02)


def test_the_parts_of_a_sum_are_modules_of_it() -> None:
    assert isinstance(GuidedDiffusionLoss(tasks=TASKS).tasks, nn.ModuleDict)  # training_settings finds what is in it
