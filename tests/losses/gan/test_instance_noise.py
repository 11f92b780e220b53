# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch

from monai_anomaly.losses import GradientPenalty, TranslationCriticLoss, TranslationGeneratorLoss, add_instance_noise

from .analytic_gan import AnalyticGAN, batch


def test_without_noise_it_is_the_same_image_and_nothing_is_drawn() -> None:
    image, before = torch.rand(2, 1, 4, 4), torch.get_rng_state()
    assert add_instance_noise(image, 0.0) is image
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("level", [0.15, 2.0])
def test_deviation_is_uniform_up_to_the_level(level: float) -> None:
    torch.manual_seed(0)
    noise = add_instance_noise(torch.full((2000, 1, 20, 20), 0.5), level).flatten(1) - 0.5
    deviation = noise.std(1).sort().values / level
    quantiles = torch.tensor([deviation[int(q * 2000)] for q in (0.1, 0.25, 0.5, 0.75, 0.9)])
    torch.testing.assert_close(quantiles, torch.tensor([0.1, 0.25, 0.5, 0.75, 0.9]), rtol=0, atol=0.04)
    assert deviation[0] < 0.01 and deviation[-1] < 1.15
    share = (noise.abs() < noise.std(1, keepdim=True)).float().mean()
    assert share.item() == pytest.approx(0.683, abs=0.005)  # Gaussian


@pytest.mark.parametrize("shape", [(3, 2, 7), (3, 1, 4, 5), (2, 1, 4, 5, 6)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_images_of_any_rank_and_type(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    image = torch.rand(shape).to(dtype)
    seen = add_instance_noise(image, 0.5)
    assert seen.shape == image.shape and seen.dtype == dtype and not torch.equal(seen, image)


def test_gradient_goes_through() -> None:
    image = torch.rand(2, 1, 4, requires_grad=True)
    add_instance_noise(image, 0.5).sum().backward()
    assert image.grad is not None and (image.grad == 1).all()


def test_discriminator_sees_everything_through_the_noise_of_its_loss() -> None:
    torch.manual_seed(0)
    network, (image, label) = AnalyticGAN(), batch(0, 1, 1)
    drawn = {}

    class Pairs(GradientPenalty):
        def forward(self, critic, real, fake):  # type: ignore[no-untyped-def]
            drawn["real"], drawn["x"] = real, real.clone()
            critic(drawn["x"])
            return real.new_zeros(())

    TranslationCriticLoss(noise=0.5, penalty=Pairs())(network, image, label)
    fake = image * network.generator.factor.detach()[1 - label].reshape(-1, 1, 1)
    (judged, _), (mixed, _) = network.discriminator.calls
    for seen, clean in ((judged, torch.cat([image, fake])), (mixed, drawn["x"])):
        assert ((seen - clean).abs().flatten(1).amax(1) > 1e-4).all()
    assert any(torch.equal(row, real) for row in image for real in drawn["real"])  # what is mixed has no noise yet
    torch.testing.assert_close(network.generator.calls[0][0], image)


def test_generator_meets_the_noise_through_the_discriminator_only() -> None:
    torch.manual_seed(0)
    network, (image, label) = AnalyticGAN(), batch(0, 1, 1)
    found = TranslationGeneratorLoss(noise=0.5, lambda_change=1.0)(network, image, label)
    clean = TranslationGeneratorLoss(lambda_change=1.0)(AnalyticGAN(), image, label)
    fake = found["fake"]
    torch.testing.assert_close(fake, clean["fake"])
    ((seen, target),) = network.discriminator.calls
    assert ((seen - fake).abs().flatten(1).amax(1) > 1e-4).all() and torch.equal(target, 1 - label)
    assert torch.equal(network.generator.calls[1][0], fake)  # what is reconstructed
    for name in ("rec", "id", "change"):
        torch.testing.assert_close(found[name], clean[name])
    assert not torch.isclose(found["adv"], clean["adv"]) and not torch.isclose(found["cls"], clean["cls"])
