# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from monai_anomaly.diffusion import NoisyImages
from monai_anomaly.engines import NoisyPrepareBatch
from monai_anomaly.losses import GuidedDiffusionLoss


def sample(variance: bool = True) -> tuple[tuple[torch.Tensor, torch.Tensor], NoisyImages]:
    g = torch.Generator().manual_seed(0)
    data = {"image": torch.rand(4, 2, 4, 4, generator=g) * 2 - 1, "label": torch.tensor([0, 1, 1, 0])}
    target = NoisyPrepareBatch(seed=0)(data)[1]
    output = torch.randn(4, 4 if variance else 2, 4, 4, generator=g).requires_grad_()
    return (output, torch.randn(4, 2, generator=g).requires_grad_()), target


def test_weight_scales_the_classifier_alone() -> None:
    """A classifier that says even odds of two classes costs ln 2, whatever the diffusion network says."""
    (output, _), target = sample()
    losses = [GuidedDiffusionLoss(classifier_weight=w)((output, torch.zeros(4, 2)), target) for w in (0.0, 1.0, 3.0)]
    assert [(loss - losses[0]).item() for loss in losses] == pytest.approx([0, math.log(2), 3 * math.log(2)], rel=1e-4)


def test_images_without_a_class_are_refused() -> None:
    pred, target = sample()
    with pytest.raises(ValueError, match="expected a class for each image"):
        GuidedDiffusionLoss()(pred, replace(target, label=None))


def test_perfect_networks_cost_nothing() -> None:
    _, target = sample()
    logits = 100 * F.one_hot(target.label, 2).float()
    assert GuidedDiffusionLoss()((target.noise, logits), target) < 1e-6


def test_each_network_learns_from_its_own_part() -> None:
    (output, logits), target = sample()
    GuidedDiffusionLoss(classifier_weight=0.0)((output, logits), target).backward()
    assert output.grad is not None and output.grad.abs().sum() > 0
    assert logits.grad is not None and not logits.grad.any()


def test_half_precision_outputs_are_scored_in_full_precision() -> None:
    (output, logits), target = sample()
    loss = GuidedDiffusionLoss()((output.bfloat16(), logits.bfloat16()), target)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, GuidedDiffusionLoss()((output, logits), target), rtol=0.02, atol=0.02)
