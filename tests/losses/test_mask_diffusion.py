# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from monai.losses import DiceLoss, FocalLoss

from monai_anomaly.diffusion import NoiseSchedule, NoisyImages, Parametrization
from monai_anomaly.diffusion.parametrization import PREDICTIONS
from monai_anomaly.engines import NoisyMaskPrepareBatch
from monai_anomaly.losses import HybridDiffusionLoss, MaskDiffusionLoss

SCHEDULE = NoiseSchedule()
RANGE = (-0.25, 0.25)


def targets(regions: int = 2) -> NoisyImages:
    generator = torch.Generator().manual_seed(0)
    mask = (torch.rand(4, regions, 8, 8, generator=generator) > 0.7).float()
    return NoisyMaskPrepareBatch(SCHEDULE, RANGE, max_level=400)({"image": torch.rand(4, 1, 8, 8), "mask": mask})[1]


def loss(prediction: str = "sample", **options: float) -> MaskDiffusionLoss:
    return MaskDiffusionLoss(SCHEDULE, prediction=prediction, mask_range=RANGE, **options)


def test_the_other_terms_are_off_by_default() -> None:
    target, output = targets(), torch.randn(4, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    assert loss()(output, target) == HybridDiffusionLoss(SCHEDULE, prediction="sample")(output, target)


@pytest.mark.parametrize("gamma", [0.0, 2.0])
@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_terms_are_those_of_monai_on_decoded_masks(prediction: str, gamma: float) -> None:
    """Whatever the network predicts: the clean mask that it stands for, between 0 and 1, as logits."""
    target = targets()
    truth = (target.x0 > 0).float()
    logits = 4 * truth - 2 + torch.randn(truth.shape, generator=torch.Generator().manual_seed(2))
    x0 = RANGE[0] + (RANGE[1] - RANGE[0]) * logits.sigmoid()
    noise = Parametrization(SCHEDULE).noise_in(target.x, x0, target.level)
    output = Parametrization(SCHEDULE, prediction).target(x0, noise, target.level)
    dice, focal = DiceLoss(sigmoid=True, batch=True)(logits, truth), FocalLoss(gamma=gamma)(logits, truth)
    for weights, expected in (((1, 0), dice), ((0, 1), focal), ((0.5, 2), 0.5 * dice + 2 * focal)):
        options = {"mse_weight": 0.0, "dice_weight": weights[0], "focal_weight": weights[1], "gamma": gamma}
        found = loss(prediction, **options)(output, target)
        torch.testing.assert_close(found, expected, atol=2e-4, rtol=1e-3)
    squared = HybridDiffusionLoss(SCHEDULE, prediction=prediction)(output, target)
    found = loss(prediction, mse_weight=3.0, dice_weight=1.0, gamma=gamma)(output, target)
    torch.testing.assert_close(found, 3 * squared + dice, atol=2e-4, rtol=1e-3)


def test_the_truth_has_no_loss_and_a_learned_variance_is_trained_by_the_bound_alone() -> None:
    target = targets()
    options = {"dice_weight": 1.0, "focal_weight": 1.0}
    assert 0 <= loss(**options)(target.x0, target) < 1e-4
    variance = torch.zeros_like(target.x0, requires_grad=True)
    output = torch.cat([0.9 * target.x0, variance], dim=1)
    both, alone = (torch.autograd.grad(loss(**o)(output, target), variance, retain_graph=True) for o in (options, {}))
    torch.testing.assert_close(both, alone)


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="weights must not be negative"):
        MaskDiffusionLoss(dice_weight=-1.0)
    with pytest.raises(ValueError, match="not all 0"):
        MaskDiffusionLoss(mse_weight=0.0)
    with pytest.raises(ValueError, match="eps must be in"):
        MaskDiffusionLoss(eps=0.5)
