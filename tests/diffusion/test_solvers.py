# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Properties of the solvers on Gaussian data, whose score and whose flow are known in closed form."""

from __future__ import annotations

import itertools

import pytest
import torch

from monai_anomaly.diffusion import (
    ClassifierGuidance,
    Denoiser,
    SeededNoise,
    Trajectory,
    make_grid,
    sample_ancestral,
    solve,
    solve_back,
    uniform_grid,
)

from .analytic import SCHEDULE, STD, biased, classify, gaussian, wavy


@pytest.mark.parametrize("steps", [5, 21, 101])
@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("kind", ["uniform", "strided", "karras"])
def test_exact_inversion_returns_the_input(images, steps, order, kind) -> None:
    denoiser, grid = Denoiser(wavy, SCHEDULE), make_grid(SCHEDULE, 500, steps, kind)
    record = Trajectory()
    latent = solve(denoiser, images, grid, order=order, record=record)
    assert record.grid == grid
    back = solve_back(denoiser, latent, record)
    assert (back - images).abs().max() < 1e-5
    plain = solve(denoiser, latent, grid[::-1], order=order)
    assert (plain - images).abs().max() > 1e-3  # so the property is not a trivial one
    assert (latent - images).abs().max() > 0.1


@pytest.mark.parametrize("steps", [1, 3, 12, 500])
@pytest.mark.parametrize("order", [1, 2])
def test_change_of_label_acts_on_every_interval_of_an_exact_decoding(images, steps, order) -> None:
    """eps is 0.05 y: told 1 up and 0 down, x0 rises by 0.05 sigma(L), at any number of steps."""
    grid, record = uniform_grid(500, steps), Trajectory()
    latent = solve(Denoiser(biased, SCHEDULE, class_label=1), images, grid, order, record=record)
    back = solve_back(Denoiser(biased, SCHEDULE, class_label=0), latent, record)
    expected = torch.full_like(images, 0.05 * SCHEDULE.sigma(500))
    torch.testing.assert_close(back - images, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("order", "expected"), [(1, 1), (2, 2)])
@pytest.mark.parametrize("direction", ["encode", "decode"])
def test_order_of_accuracy(images, order, expected, direction) -> None:
    """Halving the step divides the error by 2^order; the exact flow scales x / sqrt(abar) by sqrt(STD^2 + sigma^2)."""
    images = images.double()
    low, high = 100, 740
    denoiser = Denoiser(gaussian, SCHEDULE)
    errors = []
    for steps in (80, 160, 320):
        grid = tuple(round(low + (high - low) * k / steps) for k in range(steps + 1))
        grid = grid if direction == "encode" else grid[::-1]
        start, stop = (SCHEDULE.sigma(g) for g in (grid[0], grid[-1]))
        a, b = (SCHEDULE.alpha_bar(g) for g in (grid[0], grid[-1]))
        exact = images * (b / a) ** 0.5 * ((STD**2 + stop**2) / (STD**2 + start**2)) ** 0.5
        errors.append((solve(denoiser, images, grid, order=order) - exact).abs().max().item())
    rates = [torch.log2(torch.tensor(a / b)).item() for a, b in itertools.pairwise(errors)]
    assert all(expected - 0.2 < rate < expected + 0.6 for rate in rates), rates


def deviation(steps: int, variance: float | None = None) -> float:
    """Of ancestral samples with the exact score; ``variance`` is what the network says of it, 1 for the upper bound."""

    def network(x: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        eps = gaussian(x, timesteps)
        return eps if variance is None else torch.cat([eps, torch.full_like(x, variance)], dim=1)

    x = torch.randn(4, 1, 64, 64, generator=torch.Generator().manual_seed(1))
    grid = uniform_grid(1000, steps)[::-1]
    return sample_ancestral(Denoiser(network, SCHEDULE), x, grid, SeededNoise(range(4))).std().item()


def test_ancestral_samples_are_too_alike_at_few_steps_and_reach_the_data_with_many() -> None:
    """The posterior's variance leaves out how unsure x0 is: the more, the longer the step."""
    found = [deviation(steps) for steps in (4, 10, 50, 250, 1000)]
    assert found == sorted(found) and found[0] < 0.5 * STD and found[2] < 0.92 * STD
    assert found[-1] == pytest.approx(STD, rel=0.03)


@pytest.mark.parametrize("steps", [10, 50, 250, 1000])
def test_ancestral_samples_of_the_upper_variance_have_the_deviation_of_the_data(steps: int) -> None:
    assert deviation(steps, variance=1.0) == pytest.approx(STD, rel=0.05)


def test_ancestral_guidance_lowers_what_the_classifier_dislikes(images) -> None:
    grid = uniform_grid(300, 50)[::-1]
    guide = ClassifierGuidance(target=0, scale=20.0).bind(classify, SCHEDULE)
    plain = sample_ancestral(Denoiser(gaussian, SCHEDULE), images, grid, SeededNoise(range(3)))
    guided = sample_ancestral(Denoiser(gaussian, SCHEDULE), images, grid, SeededNoise(range(3)), guidance=guide)
    assert guided.square().mean() < 0.9 * plain.square().mean()


@pytest.mark.parametrize("substeps", [1, 4])
def test_scale_zero_is_unguided(images, substeps) -> None:
    denoiser, grid = Denoiser(wavy, SCHEDULE), uniform_grid(500, 12)[::-1]
    guide = ClassifierGuidance(scale=0).bind(classify, SCHEDULE)
    plain = solve(denoiser, images, grid, order=2)
    torch.testing.assert_close(solve(denoiser, images, grid, 2, guide, substeps), plain, atol=1e-5, rtol=0)


def test_guidance_moves_toward_the_target(images) -> None:
    denoiser, grid = Denoiser(wavy, SCHEDULE), uniform_grid(500, 12)
    record = Trajectory()
    latent = solve(denoiser, images, grid, record=record)
    for target, sign in ((0, -1), (1, 1)):
        guide = ClassifierGuidance(target=target, scale=50).bind(classify, SCHEDULE)
        change = solve_back(denoiser, latent, record, guide, 4).square().mean() - images.square().mean()
        assert sign * change > 0


def test_split_guidance_converges(images) -> None:
    """More substeps approach the guide integrated exactly over each interval: differences shrink about as 1/K."""
    denoiser, grid = Denoiser(wavy, SCHEDULE), uniform_grid(500, 6)[::-1]
    guide = ClassifierGuidance(scale=20).bind(classify, SCHEDULE)
    fine = solve(denoiser, images, grid, guidance=guide, substeps=256)
    errors = [(solve(denoiser, images, grid, guidance=guide, substeps=k) - fine).abs().max() for k in (8, 16, 32)]
    assert errors[1] < 0.65 * errors[0]
    assert errors[2] < 0.65 * errors[1]


@pytest.mark.parametrize("stochastic", [False, True])
def test_result_does_not_depend_on_the_batch(images, stochastic) -> None:
    guide = ClassifierGuidance(scale=10).bind(classify, SCHEDULE)
    grid = uniform_grid(400, 10)

    def translate(x: torch.Tensor, seeds: list[int]) -> torch.Tensor:
        denoiser, record = Denoiser(wavy, SCHEDULE), Trajectory()
        latent = solve(denoiser, x, grid, order=2, record=record)
        if stochastic:
            return sample_ancestral(denoiser, latent, grid[::-1], SeededNoise(seeds), guidance=guide)
        return solve_back(denoiser, latent, record, guide, 4)

    together = translate(images, [5, 6, 7])
    alone = torch.cat([translate(images[i : i + 1], [5 + i]) for i in range(3)])
    torch.testing.assert_close(together, alone, atol=1e-6, rtol=0)


@pytest.mark.parametrize("grid", [(10,), (10, 10), (0, 20, 10), (-5, 0, 10), (0, 1200), (0, float("nan"))])
def test_grids_that_cannot_be_walked_are_refused(images, grid) -> None:
    """Some of them had a result: a negative level was one counted from the end of a table."""
    denoiser = Denoiser(wavy, SCHEDULE)
    with pytest.raises(ValueError, match="levels"):
        solve(denoiser, images, grid)
    with pytest.raises(ValueError, match="levels"):
        sample_ancestral(denoiser, images, grid[::-1], SeededNoise(range(3)))


def test_errors(images) -> None:
    denoiser = Denoiser(wavy, SCHEDULE)
    with pytest.raises(ValueError, match="order must be 1 or 2"):
        solve(denoiser, images, (0, 10), order=3)
    for substeps in (0, -2):
        with pytest.raises(ValueError, match="substeps must be at least 1"):
            solve(denoiser, images, (10, 0), guidance=ClassifierGuidance().bind(classify, SCHEDULE), substeps=substeps)
    with pytest.raises(ValueError, match="grid must fall"):
        sample_ancestral(denoiser, images, (0, 10), SeededNoise(range(3)))
    record = Trajectory()
    with pytest.raises(ValueError, match="the record must have at least two levels"):
        solve_back(denoiser, images, record)
    solve(denoiser, images, (0, 10), record=record)
    with pytest.raises(ValueError, match="take a new one"):
        solve(denoiser, images, (0, 10), record=record)
