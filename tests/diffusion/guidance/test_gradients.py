# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from monai_anomaly.diffusion import (
    AreaGuidance,
    ClassifierGuidance,
    Guidance,
    GuidanceSum,
    IntensityGuidance,
    RegressionGuidance,
    SegmentationGuidance,
)
from tests.diffusion.analytic import SCHEDULE, classify
from tests.reference.stand_ins import regressor, segmenter

LEVEL = 300
CLEAN = torch.rand(3, 2, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(5)) * 2 - 1
Z = (CLEAN[:, :1] > 0).double()


def classes(x: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
    """Logits of three classes of each pixel."""
    return torch.cat([x, x.square().sum(1, keepdim=True)], dim=1) + timesteps.to(x).reshape(-1, 1, 1, 1) / 1000


GUIDES: dict[str, Guidance] = {
    "class": ClassifierGuidance(target=1, scale=2.0).bind(classify, SCHEDULE),
    "class of each": ClassifierGuidance(target=torch.tensor([0, 1, 1])).bind(classify, SCHEDULE),
    "value": RegressionGuidance(0.3, scale=10.0).bind(regressor, SCHEDULE),
    "value of each": RegressionGuidance().bind(regressor, SCHEDULE, target=torch.tensor([0.1, -0.5, 0.2])),
    "up": RegressionGuidance(direction=1).bind(regressor, SCHEDULE),
    "factor": RegressionGuidance(factor=2.0).bind(regressor, SCHEDULE, image=CLEAN),
    "shift": RegressionGuidance(shift=0.2).bind(regressor, SCHEDULE, image=CLEAN),
    "intensity": IntensityGuidance(0.2, scale=10.0).bind(None, SCHEDULE, image=CLEAN),
    "darker": IntensityGuidance(channel=1, direction=-1).bind(None, SCHEDULE, image=CLEAN),
    "area": AreaGuidance(0.2).bind(segmenter, SCHEDULE, image=CLEAN),
    "area of classes": AreaGuidance(direction=-1).bind(classes, SCHEDULE, image=CLEAN),
    "mask": SegmentationGuidance().bind(segmenter, SCHEDULE, target=Z),
    "mask, sum": SegmentationGuidance(reduction="sum").bind(segmenter, SCHEDULE, target=Z),
    "soft masks": SegmentationGuidance().bind(classes, SCHEDULE, target=torch.cat([Z, 1 - Z, 0.3 * Z], dim=1)),
    "mask of classes": SegmentationGuidance().bind(classes, SCHEDULE, target=2 * Z),
}


def log_likelihood(guide: Guidance, x: torch.Tensor) -> torch.Tensor:
    return guide.log_likelihood(x, SCHEDULE.timesteps(LEVEL, x))


def differences(function: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor, h: float = 1e-5) -> torch.Tensor:
    """Central differences of a function (N,) of x (N, ...), one pixel of each image at a time."""
    result = torch.zeros_like(x)
    for i in range(x[0].numel()):
        step = torch.zeros_like(x[0]).flatten().index_fill(0, torch.tensor(i), h).reshape(x[0].shape)
        result.flatten(1)[:, i] = (function(x + step) - function(x - step)) / (2 * h)
    return result


@pytest.fixture
def x() -> torch.Tensor:
    return torch.randn(3, 2, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(6))


@pytest.mark.parametrize("name", GUIDES)
def test_term_is_the_scaled_gradient_of_the_log_likelihood(name: str, x: torch.Tensor) -> None:
    guide = GUIDES[name]
    gradient = differences(lambda v: log_likelihood(guide, v), x)
    assert gradient.abs().max() > 1e-3
    torch.testing.assert_close(guide.gradient(x, LEVEL), gradient, atol=1e-8, rtol=1e-6)
    spread = (1 - SCHEDULE.alpha_bar(LEVEL)) ** 0.5
    torch.testing.assert_close(guide(x, LEVEL), -guide.scale * spread * gradient, atol=1e-7, rtol=1e-6)


def test_sum_is_the_gradient_of_the_weighted_sum(x: torch.Tensor) -> None:
    terms = list(GUIDES.values())

    def total(v: torch.Tensor) -> torch.Tensor:
        return sum(guide.scale * log_likelihood(guide, v) for guide in terms)

    spread = (1 - SCHEDULE.alpha_bar(LEVEL)) ** 0.5
    expected = -spread * differences(total, x)
    torch.testing.assert_close(GuidanceSum(terms)(x, LEVEL), expected, atol=1e-7, rtol=1e-6)


@pytest.mark.parametrize("name", GUIDES)
def test_every_step_of_the_term_makes_the_wanted_likelier(name: str, x: torch.Tensor) -> None:
    """eps + term is a step of x along -term: the other sign makes it less likely."""
    guide = GUIDES[name]
    term, before = guide(x, LEVEL), log_likelihood(guide, x)
    length = 1e-2 / term.flatten(1).norm(dim=1).reshape(-1, 1, 1, 1)
    assert (log_likelihood(guide, x - length * term) > before).all()
    assert (log_likelihood(guide, x + length * term) < before).all()


def test_factor_of_the_regressor_is_a_target(x: torch.Tensor) -> None:
    value = regressor(CLEAN, torch.zeros(3))
    expected = RegressionGuidance(1.5 * value).bind(regressor, SCHEDULE)(x, LEVEL)
    factor = RegressionGuidance(factor=1.5)
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            found = factor.bind(regressor, SCHEDULE, image=CLEAN.clone())(x, LEVEL)
        torch.testing.assert_close(found, expected)


def test_area_is_that_of_a_sure_segmenter(x: torch.Tensor) -> None:
    brain = torch.full((1, 2, 4, 4), -1.0)
    brain[:, 1, :, :2] = 0.5  # 8 pixels
    sure = torch.full((1, 1, 4, 4), -50.0)
    sure[..., 0, :2] = 50.0
    guide = AreaGuidance(0.5).bind(lambda x, timesteps: sure, SCHEDULE, image=brain)
    assert guide.predict(brain, torch.zeros(1)).item() == pytest.approx(2 / 8)
    several = torch.cat([-sure, sure, torch.full_like(sure, -99.0)], dim=1)
    guide = AreaGuidance(0.5).bind(lambda x, timesteps: several, SCHEDULE, image=brain)
    assert guide.predict(brain, torch.zeros(1)).item() == pytest.approx(2 / 8)
