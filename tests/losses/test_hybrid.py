# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch

from monai_anomaly.diffusion import NoiseSchedule, NoisyImages, Parametrization
from monai_anomaly.diffusion.parametrization import PREDICTIONS
from monai_anomaly.engines import NoisyMaskPrepareBatch
from monai_anomaly.losses import HybridDiffusionLoss

SCHEDULE = NoiseSchedule()


def targets() -> NoisyImages:
    torch.manual_seed(0)
    batch = {"image": torch.randn(4, 2, 8, 8), "mask": (torch.rand(4, 3, 8, 8) > 0.5).float()}
    return NoisyMaskPrepareBatch(SCHEDULE)(batch)[1]


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_zero_for_the_right_prediction_without_learned_variance(prediction) -> None:
    target = targets()
    output = Parametrization(SCHEDULE, prediction).target(target.x0, target.noise, target.level)
    loss = HybridDiffusionLoss(SCHEDULE, prediction=prediction)
    assert loss(output, target) == 0
    assert loss(output + 1, target) == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_the_bound_trains_the_variance_alone(prediction) -> None:
    target = targets()
    output = torch.randn(4, 6, 8, 8, generator=torch.Generator().manual_seed(1)).requires_grad_(True)
    losses = [HybridDiffusionLoss(SCHEDULE, weight, prediction)(output, target) for weight in (1.0, 0.0)]
    (gradient,) = torch.autograd.grad(losses[0] - losses[1], output)
    assert gradient[:, :3].abs().max() == 0 and gradient[:, 3:].abs().max() > 0


def test_the_bound_is_the_same_for_every_parametrization_of_one_prediction() -> None:
    single = targets()
    level = single.level.clamp(max=500)  # at the top x0 is read from eps with a factor of 150
    target = NoisyImages(single.x0.double(), single.noise.double(), single.x.double(), level)
    noise = target.noise + 0.1
    x0 = Parametrization(SCHEDULE).read(target.x, noise, target.level)[1]
    variance = torch.zeros_like(x0)
    bounds = []
    for prediction in PREDICTIONS:
        output = torch.cat([Parametrization(SCHEDULE, prediction).target(x0, noise, target.level), variance], dim=1)
        both, simple = (HybridDiffusionLoss(SCHEDULE, weight, prediction)(output, target) for weight in (1.0, 0.0))
        bounds.append(float(both - simple))
    assert bounds == pytest.approx([bounds[0]] * 3, rel=1e-6)
