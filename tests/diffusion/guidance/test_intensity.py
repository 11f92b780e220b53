# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest
import torch

from monai_anomaly.diffusion import (
    Denoiser,
    GuidanceSum,
    Guide,
    IntensityGuidance,
    RegressionGuidance,
    solve,
    uniform_grid,
)
from tests.diffusion.analytic import SCHEDULE, gaussian
from tests.reference.stand_ins import regressor


@pytest.fixture
def image() -> torch.Tensor:
    """Two brains of other sizes in the background -1; channel 1 alone is above it in some pixels."""
    x = torch.full((2, 2, 12, 12), -1.0, dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    for i, size in enumerate((6, 9)):
        x[i, :, 1:size, 2:size] = torch.rand(2, size - 1, size - 2, generator=generator, dtype=torch.float64) - 0.5
    x[:, 0, 2, 3] = -1
    return x


def mean(x: torch.Tensor, image: torch.Tensor, channel: int = 0) -> torch.Tensor:
    brain = (image > -1).any(1)
    return torch.stack([one[channel][inside].mean() for one, inside in zip(x, brain, strict=True)])


def decoded(guide: Guide, image: torch.Tensor) -> torch.Tensor:
    """From noise, by the exact denoiser of a Gaussian, which the guide has to overcome."""
    noise = torch.randn(image.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    return solve(Denoiser(gaussian, SCHEDULE), noise, tuple(uniform_grid(300, 1000))[::-1], 1, guide)


@pytest.mark.parametrize("channel", [0, 1])
def test_a_clean_image_is_measured_exactly(image: torch.Tensor, channel: int) -> None:
    guide = IntensityGuidance(channel=channel, shift=0.1).bind(None, SCHEDULE, image=image)
    torch.testing.assert_close(guide.predict(image, torch.zeros(2)), mean(image, image, channel))
    torch.testing.assert_close(guide.wanted, mean(image, image, channel) + 0.1)


def test_a_noisy_image_is_measured_as_the_clean_one_but_for_the_noise(image: torch.Tensor) -> None:
    guide = IntensityGuidance(direction=1).bind(None, SCHEDULE, image=image)
    level = 300.0
    signal, spread = SCHEDULE.amplitudes(level, image)
    noise = torch.randn(image.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    found = guide.predict(signal * image + spread * noise, SCHEDULE.timesteps(level, image))
    torch.testing.assert_close(found, mean(image, image) + spread / signal * mean(noise, image))


def test_it_acts_in_the_brain_and_on_its_channel_only(image: torch.Tensor) -> None:
    term = IntensityGuidance(channel=1, direction=1).bind(None, SCHEDULE, image=image)(image, 300)
    brain = (image > -1).any(1)
    assert (term[:, 1][brain] < 0).all() and term[:, 1][~brain].abs().max() == 0 and term[:, 0].abs().max() == 0
    half = torch.zeros(2, 1, 12, 12, dtype=torch.float64)
    half[..., :5] = 1
    masked = IntensityGuidance(channel=1, direction=1).bind(None, SCHEDULE, image=image, mask=half)(image, 300)
    torch.testing.assert_close(masked, term * half)


@pytest.mark.parametrize("target", [torch.tensor([0.6, -0.4], dtype=torch.float64), 0.8])
def test_the_target_is_reached(image: torch.Tensor, target: Any) -> None:
    guide = IntensityGuidance(scale=10000.0).bind(None, SCHEDULE, image=image, target=target)
    found = mean(decoded(guide, image), image)
    torch.testing.assert_close(found, torch.as_tensor(target).expand(2).to(found), atol=0.03, rtol=0)
    off = IntensityGuidance(scale=0.0).bind(None, SCHEDULE, image=image, target=target)
    assert (mean(decoded(off, image), image) - target).abs().min() > 0.2


def test_two_channels_reach_two_targets_and_shifts_go_both_ways(image: torch.Tensor) -> None:
    guides = [IntensityGuidance(channel=c, shift=s, scale=10000.0) for c, s in ((0, 0.2), (1, -0.3))]
    made = decoded(GuidanceSum([guide.bind(None, SCHEDULE, image=image) for guide in guides]), image)
    for channel, shift in ((0, 0.2), (1, -0.3)):
        wanted = mean(image, image, channel) + shift
        torch.testing.assert_close(mean(made, image, channel), wanted, atol=0.02, rtol=0)


def test_a_shift_of_a_regressor_is_a_target(image: torch.Tensor) -> None:
    own = regressor(image, torch.zeros(2))
    expected = RegressionGuidance(own + 0.2).bind(regressor, SCHEDULE)(image, 300)
    torch.testing.assert_close(
        RegressionGuidance(shift=0.2).bind(regressor, SCHEDULE, image=image)(image, 300), expected
    )


@pytest.mark.parametrize("options", [{"target": 0.1, "shift": 0.1}, {"shift": float("inf")}, {"direction": 2}])
def test_settings_that_make_no_sense(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"give one of|must be"):
        IntensityGuidance(**options)


def test_it_needs_the_clean_images() -> None:
    with pytest.raises(ValueError, match="needs the clean images"):
        IntensityGuidance(0.1).bind(None, SCHEDULE)
