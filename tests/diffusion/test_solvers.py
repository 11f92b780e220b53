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
    GuidanceSum,
    NoiseSchedule,
    SeededNoise,
    Trajectory,
    karras_grid,
    make_grid,
    sample_ancestral,
    solve,
    solve_back,
    strided_grid,
    uniform_grid,
)

SCHEDULE = NoiseSchedule()
STD = 0.5


def gaussian(x, timesteps):
    """eps of data N(0, STD^2): x = sqrt(abar) x0 + sqrt(1 - abar) eps, E[eps | x] in closed form."""
    a = SCHEDULE.alpha_bar(timesteps.round().long() + 1).to(x).reshape(-1, 1, 1, 1)
    return x * (1 - a).sqrt() / (a * STD**2 + 1 - a)


def wavy(x, timesteps):
    return 0.4 * torch.sin(3 * x) + 0.2 * torch.cos(0.01 * timesteps.reshape(-1, 1, 1, 1).float())


def classify(x, timesteps):
    score = (x**2).flatten(1).mean(1) * (1 - timesteps.float() / 2000)
    return torch.stack([-4 * score, 2 * score], dim=1)


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(3, 2, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize("steps", [5, 20, 100])
@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("kind", ["uniform", "strided", "karras"])
def test_exact_inversion_returns_the_input(images, steps, order, kind) -> None:
    denoiser, grid = Denoiser(wavy, SCHEDULE), make_grid(SCHEDULE, 500, steps, kind)
    record = Trajectory()
    latent = solve(denoiser, images, grid, order=order, record=record)
    back = solve_back(denoiser, latent, grid[::-1], record)
    assert (back - images).abs().max() < 1e-5
    plain = solve(denoiser, latent, grid[::-1], order=order)
    assert (plain - images).abs().max() > 1e-3  # so the property is not a trivial one
    assert (latent - images).abs().max() > 0.1


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


@pytest.mark.parametrize("steps", [1000, 250, 100])
def test_ancestral_sampling_reproduces_the_data(steps) -> None:
    """With the exact score the samples have the data's deviation at any number of steps (MONAI's DDPM has .94 at
    50)."""
    grid = uniform_grid(1000, steps)[::-1]
    x = torch.randn(4, 1, 32, 32, generator=torch.Generator().manual_seed(1))
    samples = sample_ancestral(Denoiser(gaussian, SCHEDULE), x, grid, SeededNoise(range(4)))
    assert samples.std().item() == pytest.approx(STD, rel=0.05)


def test_ancestral_guidance_lowers_what_the_classifier_dislikes(images) -> None:
    grid = uniform_grid(300, 50)[::-1]
    guide = ClassifierGuidance(classify, SCHEDULE, target=0, scale=20.0)
    plain = sample_ancestral(Denoiser(gaussian, SCHEDULE), images, grid, SeededNoise(range(3)))
    guided = sample_ancestral(Denoiser(gaussian, SCHEDULE), images, grid, SeededNoise(range(3)), guidance=guide)
    assert guided.square().mean() < 0.9 * plain.square().mean()


@pytest.mark.parametrize("substeps", [1, 4])
def test_scale_zero_is_unguided(images, substeps) -> None:
    denoiser, grid = Denoiser(wavy, SCHEDULE), uniform_grid(500, 12)[::-1]
    guide = ClassifierGuidance(classify, SCHEDULE, scale=0)
    plain = solve(denoiser, images, grid, order=2)
    torch.testing.assert_close(solve(denoiser, images, grid, 2, guide, substeps), plain, atol=1e-5, rtol=0)


def test_guidance_moves_towards_the_target(images) -> None:
    denoiser, grid = Denoiser(wavy, SCHEDULE), uniform_grid(500, 12)
    record = Trajectory()
    latent = solve(denoiser, images, grid, record=record)
    for target, sign in ((0, -1), (1, 1)):
        guide = ClassifierGuidance(classify, SCHEDULE, target=target, scale=50)
        change = solve_back(denoiser, latent, grid[::-1], record, guide, 4).square().mean() - images.square().mean()
        assert sign * change > 0


def test_split_guidance_converges(images) -> None:
    """More substeps approach the guide integrated exactly over each interval: differences shrink about as 1/K."""
    denoiser, grid = Denoiser(wavy, SCHEDULE), uniform_grid(500, 6)[::-1]
    guide = ClassifierGuidance(classify, SCHEDULE, scale=20)
    fine = solve(denoiser, images, grid, guidance=guide, substeps=256)
    errors = [(solve(denoiser, images, grid, guidance=guide, substeps=k) - fine).abs().max() for k in (8, 16, 32)]
    assert errors[1] < 0.65 * errors[0]
    assert errors[2] < 0.65 * errors[1]


def test_guidance_interval_and_sum(images) -> None:
    inside = ClassifierGuidance(classify, SCHEDULE, scale=3.0, interval=(100, 300))
    assert inside(images, 100) == 0.0
    assert inside(images, 301) == 0.0
    term = inside(images, 300)
    assert term.abs().max() > 0
    both = GuidanceSum([inside, ClassifierGuidance(classify, SCHEDULE, scale=1.0)])
    torch.testing.assert_close(both(images, 300), term * 4 / 3)
    torch.testing.assert_close(both(images, 400), ClassifierGuidance(classify, SCHEDULE, scale=1.0)(images, 400))


def test_guidance_leaves_the_network_alone(images) -> None:
    class Guide(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = torch.nn.Linear(128, 2)

        def forward(self, x, timesteps):
            return self.head(x.flatten(1))

    network = Guide()
    with torch.no_grad():
        ClassifierGuidance(network, SCHEDULE, scale=1.0)(images, 200)
    assert all(p.requires_grad and p.grad is None for p in network.parameters())


@pytest.mark.parametrize("stochastic", [False, True])
def test_result_does_not_depend_on_the_batch(images, stochastic) -> None:
    guide = ClassifierGuidance(classify, SCHEDULE, scale=10)
    grid = uniform_grid(400, 10)

    def translate(x: torch.Tensor, seeds: list[int]) -> torch.Tensor:
        denoiser, record = Denoiser(wavy, SCHEDULE), Trajectory()
        latent = solve(denoiser, x, grid, order=2, record=record)
        if stochastic:
            return sample_ancestral(denoiser, latent, grid[::-1], SeededNoise(seeds), guidance=guide)
        return solve_back(denoiser, latent, grid[::-1], record, guide, 4)

    together = translate(images, [5, 6, 7])
    alone = torch.cat([translate(images[i : i + 1], [5 + i]) for i in range(3)])
    torch.testing.assert_close(together, alone, atol=1e-6, rtol=0)


@pytest.mark.parametrize("prediction", ["epsilon", "sample", "v_prediction"])
def test_predictions_agree(images, prediction) -> None:
    """A network that predicts x0 or v for Gaussian data gives the same eps and x0 as one that predicts eps."""
    level = 321
    a = SCHEDULE.alpha_bar(level)

    def network(x, timesteps):
        eps = gaussian(x, timesteps)
        x0 = (x - (1 - a) ** 0.5 * eps) / a**0.5
        return {"epsilon": eps, "sample": x0, "v_prediction": a**0.5 * eps - (1 - a) ** 0.5 * x0}[prediction]

    expected = Denoiser(gaussian, SCHEDULE)(images, level)
    actual = Denoiser(network, SCHEDULE, prediction=prediction)(images, level)
    torch.testing.assert_close(actual.eps, expected.eps, atol=2e-6, rtol=0)
    torch.testing.assert_close(actual.x0, expected.x0, atol=2e-6, rtol=0)


def test_condition_is_put_before_the_image(images) -> None:
    seen = {}

    def network(x, timesteps):
        seen["x"] = x
        return x[:, -2:]

    condition = torch.ones(3, 4, 8, 8)
    Denoiser(network, SCHEDULE, condition=condition)(images, 10)
    torch.testing.assert_close(seen["x"], torch.cat([condition, images], 1))


def test_grids() -> None:
    assert uniform_grid(500, 500) == tuple(range(501))
    assert uniform_grid(500, 5) == (0, 100, 200, 300, 400, 500)
    assert uniform_grid(3, 100) == (0, 1, 2, 3)
    assert strided_grid(500, 100) == (0, 1, 101, 201, 301, 401, 500)
    karras = karras_grid(SCHEDULE, 500, 12)
    assert len(karras) == 13
    assert karras[0] == 0
    assert karras[-1] == 500
    assert all(b > a for a, b in itertools.pairwise(karras))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((0, 5), "level must be in"), ((1001, 5), "level"), ((500, 0), "steps"), ((500, 5, "x"), "kind")],
)
def test_bad_grids(arguments, message) -> None:
    with pytest.raises(ValueError, match=message):
        make_grid(SCHEDULE, *arguments)


def test_levels_between_levels() -> None:
    for level in (0, 0.3, 1, 17.25, 500, 999.5):
        assert SCHEDULE.level_of_sigma(SCHEDULE.sigma(level)) == pytest.approx(level, abs=1e-9)
    parts = SCHEDULE.subdivide(500, 400, 4)
    sigma = [SCHEDULE.sigma(p) for p in parts]
    assert (parts[0], parts[-1]) == (500, 400)
    assert [b - a for a, b in itertools.pairwise(sigma)] == pytest.approx([(sigma[-1] - sigma[0]) / 4] * 4)


def test_schedule_survives_half_precision(images) -> None:
    before = SCHEDULE.alphas_cumprod.clone()
    assert SCHEDULE.add_noise(images.half(), images.half(), torch.tensor([1, 5, 900])).dtype == torch.float16
    assert torch.equal(SCHEDULE.alphas_cumprod, before)
    assert SCHEDULE.alphas_cumprod.dtype == torch.float64


def test_errors(images) -> None:
    denoiser = Denoiser(wavy, SCHEDULE)
    with pytest.raises(ValueError, match="order must be 1 or 2"):
        solve(denoiser, images, (0, 10), order=3)
    with pytest.raises(ValueError, match="intervals"):
        solve_back(denoiser, images, (10, 0), Trajectory())
    with pytest.raises(ValueError, match="3 seeds, but a batch of 2"):
        SeededNoise([1, 2, 3])(images[:2])
    with pytest.raises(ValueError, match="prediction must be"):
        Denoiser(wavy, SCHEDULE, prediction="score")
    with pytest.raises(ValueError, match="kind must be"):
        NoiseSchedule(kind="quadratic")


def labelled(x, timesteps, class_labels):
    """eps of data N(label, STD^2)."""
    a = SCHEDULE.alpha_bar(timesteps.round().long() + 1).to(x).reshape(-1, 1, 1, 1)
    mean = class_labels.reshape(-1, 1, 1, 1).to(x)
    return (x - a.sqrt() * mean) * (1 - a).sqrt() / (a * STD**2 + 1 - a)


@pytest.mark.parametrize("w", [0.0, 1.0, 2.5])
def test_label_scale_extrapolates_beyond_the_label_away_from_the_other(images, w) -> None:
    """Of Gaussians of one width, means 0 and 1: eps is linear in the mean, so it is eps of the mean -w."""
    denoiser = Denoiser(labelled, SCHEDULE, class_label=0, away_label=1, label_scale=w)
    wanted = Denoiser(labelled, SCHEDULE, class_label=torch.tensor(-w))
    for level in (50, 400):
        got, expected = denoiser(images, level), wanted(images, level)
        torch.testing.assert_close(got.eps, expected.eps, atol=1e-5, rtol=0)
        torch.testing.assert_close(got.x0, expected.x0, atol=1e-4, rtol=0)
