# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Algorithms 1 and 2 of thesis ch. 8, written down again in NumPy with stand-ins whose gradients are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from monai_anomaly.diffusion import (
    Denoiser,
    Guidance,
    RegressionGuidance,
    SegmentationGuidance,
    ddim_step,
    solve,
    uniform_grid,
)
from tests.diffusion.analytic import SCHEDULE
from tests.reference.stand_ins import regressor, segmenter

ABAR = np.concatenate([[1.0], np.cumprod(1 - np.linspace(1e-4, 0.02, 1000))])
C, WANTED = 50.0, 0.4
Z = (np.random.default_rng(1).random((2, 1, 6, 6)) > 0.5).astype(float)
X = np.random.default_rng(0).standard_normal((2, 3, 6, 6))


def net(x: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
    return 0.3 * torch.sin(x) + 0.001 * timesteps.to(x).reshape(-1, 1, 1, 1)


def guided_step(x: np.ndarray, t: int, guidance_of_eps: np.ndarray) -> np.ndarray:
    """The lines of the second loop; ``guidance_of_eps`` is what is taken from eps."""
    eps = 0.3 * np.sin(x) + 0.001 * (t - 1) - guidance_of_eps
    x0 = (x - np.sqrt(1 - ABAR[t]) * eps) / np.sqrt(ABAR[t])
    return np.sqrt(ABAR[t - 1]) * x0 + np.sqrt(1 - ABAR[t - 1]) * eps


def regression(x: np.ndarray, t: int, direction: int | None) -> np.ndarray:
    """s_t c sqrt(1 - abar) grad R, with s_t = i - R or the direction."""
    pixels, w = x[0].size, 1 + 0.001 * (t - 1)
    value = np.tanh(x).mean((1, 2, 3), keepdims=True) * w
    s = WANTED - value if direction is None else direction
    return s * C * np.sqrt(1 - ABAR[t]) * (1 - np.tanh(x) ** 2) / pixels * w


def segmentation(x: np.ndarray, t: int) -> np.ndarray:
    """c sqrt(1 - abar) grad H, with P pixels; the derivative of H by the logit is S - z."""
    s = 1 / (1 + np.exp(-(2 * x.mean(1, keepdims=True) + 0.001 * (t - 1) - 0.5)))
    return C * np.sqrt(1 - ABAR[t]) * (s - Z) / Z[0].size * 2 / x.shape[1] * np.ones_like(x)


def step(guide: Guidance, t: int) -> torch.Tensor:
    x = torch.from_numpy(X)
    eps = Denoiser(net, SCHEDULE)(x, t).eps
    return ddim_step(SCHEDULE, x, eps + guide(x, t), t, t - 1)


@pytest.mark.parametrize("t", [1, 2, 400, 1000])
@pytest.mark.parametrize("direction", [None, 1, -1])
def test_step_of_algorithm_1(t: int, direction: int | None) -> None:
    guide = RegressionGuidance(WANTED if direction is None else None, C, direction=direction).bind(regressor, SCHEDULE)
    expected = guided_step(X, t, regression(X, t, direction))
    np.testing.assert_allclose(step(guide, t).numpy(), expected, atol=1e-10, rtol=1e-9)
    assert np.abs(expected - guided_step(X, t, 0 * X)).max() > 1e-6


@pytest.mark.parametrize("t", [1, 2, 400, 1000])
def test_step_of_algorithm_2_with_the_other_sign(t: int) -> None:
    guide = SegmentationGuidance(scale=C).bind(segmenter, SCHEDULE, target=torch.from_numpy(Z))
    expected = guided_step(X, t, -segmentation(X, t))
    np.testing.assert_allclose(step(guide, t).numpy(), expected, atol=1e-10, rtol=1e-9)
    assert np.abs(expected - guided_step(X, t, segmentation(X, t))).max() > 1e-6


def test_printed_sign_of_algorithm_2_raises_the_cross_entropy() -> None:
    """Along a whole decoding: ours lowers H, the printed one drives the mask away."""
    latent, z = torch.from_numpy(X), torch.from_numpy(Z)
    guide = SegmentationGuidance(scale=C).bind(segmenter, SCHEDULE, target=z)
    printed = SegmentationGuidance(scale=-C).bind(segmenter, SCHEDULE, target=z)

    def entropy(image: torch.Tensor) -> torch.Tensor:
        s = segmenter(image, torch.zeros(len(image))).sigmoid()
        return -(z * s.log() + (1 - z) * (1 - s).log()).mean((1, 2, 3))

    grid = uniform_grid(400, 50)[::-1]
    ours, plain, theirs = (
        entropy(solve(Denoiser(net, SCHEDULE), latent, grid, guidance=g)) for g in (guide, None, printed)
    )
    assert (ours < 0.9 * plain).all() and (theirs > 1.1 * plain).all()


@pytest.mark.parametrize("target", [-0.2, 0.0, 0.2])
def test_value_is_reached(target: float) -> None:
    latent = torch.from_numpy(X)
    guide = RegressionGuidance(target, scale=5000.0).bind(regressor, SCHEDULE)
    found = solve(Denoiser(net, SCHEDULE), latent, uniform_grid(400, 100)[::-1], guidance=guide)
    torch.testing.assert_close(
        regressor(found, torch.zeros(2)), torch.full((2,), target, dtype=torch.float64), atol=0.03, rtol=0
    )
