# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Every step of the original code, from tensors it produced (tests/reference)."""

from __future__ import annotations

import math

import pytest
import torch

from monai_anomaly.diffusion import (
    ClassifierGuidance,
    Denoiser,
    NoiseSchedule,
    NoisyImages,
    ancestral_step,
    ddim_step,
    solve,
    uniform_grid,
)
from monai_anomaly.losses import HybridDiffusionLoss, gaussian_kl
from tests.reference import LOOP, STEP, TABLE, load_reference
from tests.reference.stand_ins import classifier, net

SCHEDULE = NoiseSchedule()
CLIPS = [pytest.param(None, 0, id="unclipped"), pytest.param((-1.0, 1.0), 1, id="clipped")]


def close(actual: torch.Tensor, expected: torch.Tensor, tolerance: float) -> None:
    torch.testing.assert_close(actual.to(expected.dtype), expected, atol=tolerance, rtol=tolerance)


def test_schedule() -> None:
    ref = load_reference("01")
    level = torch.arange(1, 1001)
    close(SCHEDULE.alpha_bar(level), ref["alphas_cumprod"], TABLE)
    close(SCHEDULE.alpha_bar(level - 1), ref["alphas_cumprod_prev"], TABLE)
    close(SCHEDULE.alpha_bar(level + 1), ref["alphas_cumprod_next"], TABLE)
    to_x0, to_x, log_beta, log_variance = SCHEDULE.posterior(level, level - 1)
    close(to_x0, ref["posterior_mean_coef1"], TABLE)
    close(to_x, ref["posterior_mean_coef2"], TABLE)
    # beta is recovered as 1 - abar / abar_prev, which costs the digits that beta is smaller than 1
    close(log_beta, ref["betas"].log(), 1e-11)
    close(log_variance, ref["posterior_log_variance_clipped"], 1e-11)


def test_noising() -> None:
    ref = load_reference("03")
    level = ref["t"] + 1
    close(SCHEDULE.add_noise(ref["x0"], ref["noise"], level), ref["x_t"], STEP)
    to_x0, to_x, _, log_variance = SCHEDULE.posterior(level, level - 1)
    shape = (-1, 1, 1, 1)
    close(to_x0.reshape(shape) * ref["x0"] + to_x.reshape(shape) * ref["x_t"], ref["post_mean"], STEP)
    close(log_variance.reshape(shape).expand_as(ref["x0"]), ref["post_log_variance_clipped"], STEP)


@pytest.mark.parametrize(("clip", "tag"), CLIPS)
def test_learned_range_step(clip, tag) -> None:
    moments = load_reference("04")
    ref = load_reference("08")
    level = ref["t"] + 1
    prediction = Denoiser(net, SCHEDULE, class_label=ref["y"], clip=clip)(ref["x"], level)
    close(prediction.x0, moments[f"pred_xstart_clip{tag}"], STEP)
    mean = ancestral_step(SCHEDULE, ref["x"], prediction, level, level - 1)
    close(mean, moments[f"mean_clip{tag}"], STEP)
    step = ancestral_step(SCHEDULE, ref["x"], prediction, level, level - 1, noise=ref["noise"])
    close(step, ref[f"sample_clip{tag}"], STEP)
    x = ref["x"].double()  # the deviation is a difference of two steps
    prediction = Denoiser(net, SCHEDULE, class_label=ref["y"], clip=clip)(x, level)
    one, none = (ancestral_step(SCHEDULE, x, prediction, level, level - 1, noise=n) for n in (1.0, 0.0))
    deviation = one - none
    moving = ref["t"] > 0
    close(deviation[moving], moments[f"variance_clip{tag}"][moving].sqrt(), STEP)


@pytest.mark.parametrize(("clip", "tag"), CLIPS)
def test_encoding_step(clip, tag) -> None:
    ref = load_reference("05")
    level = ref["t"] + 1
    assert level.max() == 1000  # the edge to pure noise is among them
    prediction = Denoiser(net, SCHEDULE, class_label=ref["y"], clip=clip)(ref["x"], level)
    close(ddim_step(SCHEDULE, ref["x"], prediction.eps, level, level + 1), ref[f"sample_clip{tag}"], STEP)


@pytest.mark.parametrize(("clip", "tag"), CLIPS)
@pytest.mark.parametrize("eta", [0, 1])
def test_decoding_step(clip, tag, eta) -> None:
    ref = load_reference("06")
    level = ref["t"] + 1
    prediction = Denoiser(net, SCHEDULE, class_label=ref["y"], clip=clip)(ref["x"], level)
    step = ddim_step(SCHEDULE, ref["x"], prediction.eps, level, level - 1, eta=eta, noise=ref["noise"])
    close(step, ref[f"sample_clip{tag}_eta{eta}"], STEP)


@pytest.mark.parametrize(("clip", "tag"), CLIPS)
@pytest.mark.parametrize("scale", [0, 1, 100])
def test_guided_step(clip, tag, scale) -> None:
    ref = load_reference("07")
    level = ref["t"] + 1
    guidance = ClassifierGuidance(target=ref["y"], scale=scale).bind(classifier, SCHEDULE)
    close(guidance.gradient(ref["x"], level), ref["grad_logp"], STEP)
    eps = Denoiser(net, SCHEDULE, class_label=ref["y"], clip=clip)(ref["x"], level).eps
    step = ddim_step(SCHEDULE, ref["x"], eps + guidance(ref["x"], level), level, level - 1)
    close(step, ref[f"sample_clip{tag}_s{scale}"], STEP)


@pytest.mark.parametrize("L", [20, 300])
def test_translation(L) -> None:
    """Algorithm 1 of the thesis' ch. 7, with consistent indices."""
    ref = load_reference("14")
    denoiser = Denoiser(net, SCHEDULE, class_label=ref["y"])
    grid = uniform_grid(L, L)
    latent = solve(denoiser, ref["x0"], grid)
    close(latent, ref[f"L{L}_latent"], LOOP)
    close(solve(denoiser, latent, grid[::-1]), ref[f"L{L}_decoded_unguided"], LOOP)
    guidance = ClassifierGuidance(target=ref["y"], scale=100).bind(classifier, SCHEDULE)
    close(solve(denoiser, latent, grid[::-1], guidance=guidance), ref[f"L{L}_decoded_guided_s100"], LOOP)


def test_hybrid_loss() -> None:
    ref = load_reference("10")
    output = net(ref["x_t"], ref["t"], ref["y"]).requires_grad_(True)
    target = NoisyImages(ref["x0"], ref["noise"], ref["x_t"], ref["t"] + 1)
    loss = HybridDiffusionLoss(SCHEDULE, reduction="none")(output, target)
    close(loss.detach(), ref["loss_mse"], STEP)
    simple = HybridDiffusionLoss(SCHEDULE, vlb_weight=0, reduction="none")(output, target)
    close(simple.detach(), ref["mse_mse"], STEP)
    # the bound trains the variance only
    (gradient,) = torch.autograd.grad((loss - simple).sum(), output)
    assert gradient[:, :4].abs().max() == 0
    assert gradient[:, 4:].abs().max() > 0


def test_likelihood_in_bits_per_dimension() -> None:
    """The term of the step to level 1000 of the bound, and the others, from the primitives alone."""
    ref = load_reference("10")
    signal, spread = SCHEDULE.amplitudes(1000, ref["x0"])
    zero = torch.zeros(())
    prior = gaussian_kl(signal * ref["x0"], 2 * torch.tensor(spread).log(), zero, zero)
    close(prior.flatten(1).mean(1) / math.log(2), ref["prior_bpd"], STEP)
    target = NoisyImages(ref["x0"], ref["noise"], ref["x_t"], ref["t"] + 1)
    prediction = Denoiser(net, SCHEDULE, class_label=ref["y"])(target.x, target.level)
    close(HybridDiffusionLoss(SCHEDULE).bound(prediction, target), ref["vb_mse"], STEP)
