# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from monai_anomaly.losses import (
    RelativisticCriticLoss,
    RelativisticGeneratorLoss,
    TranslationCriticLoss,
    TranslationGeneratorLoss,
    ZeroCenteredPenalty,
)

from .analytic_gan import AnalyticGAN, batch

REAL, FAKE = torch.tensor([3.0, -1.0, 0.5]), torch.tensor([1.0, 2.0])


def test_each_artificial_image_against_the_real_ones_of_its_class() -> None:
    real_class, fake_class = torch.tensor([0, 0, 1]), torch.tensor([0, 1])
    critic = RelativisticCriticLoss()(REAL, FAKE, real_class, fake_class)
    torch.testing.assert_close(
        critic, ((F.softplus(torch.tensor([-2.0, 2.0]))).mean() + F.softplus(torch.tensor(1.5))) / 2
    )
    generator = RelativisticGeneratorLoss()(REAL, FAKE, real_class, fake_class)
    torch.testing.assert_close(generator, critic + torch.tensor([2 - 2, -1.5]).sum() / 2)  # f(t) - f(-t) = t


def test_a_constant_of_a_critic_and_the_size_of_its_map_do_not_matter() -> None:
    real_class, fake_class = torch.tensor([0, 0, 1]), torch.tensor([0, 1])
    shift = torch.tensor([7.0, -4.0])
    shifted = RelativisticCriticLoss()(REAL + shift[real_class], FAKE + shift[fake_class], real_class, fake_class)
    expected = RelativisticCriticLoss()(REAL, FAKE, real_class, fake_class)
    torch.testing.assert_close(shifted, expected)
    maps = [v.reshape(-1, 1, 1, 1).expand(-1, 1, 4, 5) for v in (REAL, FAKE)]
    torch.testing.assert_close(RelativisticCriticLoss()(*maps, real_class, fake_class), expected)


@pytest.mark.parametrize("kind", [RelativisticCriticLoss, RelativisticGeneratorLoss])
def test_no_partner_no_loss(kind: type) -> None:
    real, fake = REAL.clone().requires_grad_(), FAKE.clone().requires_grad_()
    loss = kind()(real, fake, torch.tensor([0, 0, 0]), torch.tensor([1, 1]))
    loss.backward()
    assert loss.item() == 0 and not fake.grad.any()
    assert kind()(REAL, FAKE[:0], torch.tensor([0, 0, 0]), torch.tensor([], dtype=torch.long)).item() == 0


@pytest.mark.parametrize("kind", [RelativisticCriticLoss, RelativisticGeneratorLoss])
def test_critic_and_generator_pull_apart(kind: type) -> None:
    """A step down the critic's loss lowers what artificial images are worth, one down the generator's raises it."""
    fake = FAKE.clone().requires_grad_()
    kind()(REAL, fake, torch.tensor([0, 1, 1]), torch.tensor([0, 1])).backward()
    assert (fake.grad > 0).all() if kind is RelativisticCriticLoss else (fake.grad < 0).all()


def test_in_the_losses_of_the_translation() -> None:
    network, (image, label) = AnalyticGAN(), batch(0, 1, 1, 0)
    flat, factor, slope = image[:, 0], network.generator.factor.detach(), network.discriminator.slope.detach()
    real = (flat * slope[label]).sum(1)
    fake = (flat * factor[1 - label][:, None] * slope[1 - label]).sum(1)
    judged = real, fake, label, 1 - label
    critic = TranslationCriticLoss(adversarial="relativistic", penalty=ZeroCenteredPenalty())(network, image, label)
    torch.testing.assert_close(critic["adv"], RelativisticCriticLoss()(*judged))
    norm = slope.square().sum(1)[1 - label]  # R1 and R2 of a linear critic are its slope
    torch.testing.assert_close(critic["gp"], norm.mean())
    generator = TranslationGeneratorLoss(adversarial="relativistic")(network, image, label)
    torch.testing.assert_close(generator["adv"], RelativisticGeneratorLoss()(*judged))
    plain = TranslationGeneratorLoss()(network, image, label)
    for name in ("cls", "rec", "id"):
        torch.testing.assert_close(generator[name], plain[name])


@pytest.mark.parametrize("targets", ["opposite", "random", "healthy"])
@pytest.mark.parametrize("c", [0, 1])
def test_batch_of_one_class(c: int, targets: str) -> None:
    network = AnalyticGAN()
    options = {"targets": targets, "adversarial": "relativistic"}
    for loss in (
        TranslationCriticLoss(lambda_cls=0.0, penalty=ZeroCenteredPenalty(), **options),  # type: ignore[arg-type]
        TranslationGeneratorLoss(**options),  # type: ignore[arg-type]
    ):
        found = loss(network, *batch(c, c, c))
        found["loss"].backward()
        assert all(value.isfinite().all() for value in found.values())


def test_other_words() -> None:
    for kind in (TranslationCriticLoss, TranslationGeneratorLoss):
        with pytest.raises(ValueError, match=r"adversarial must be one of .* got 'hinge'"):
            kind(adversarial="hinge")
