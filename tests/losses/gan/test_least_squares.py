# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch

from monai_anomaly.losses import (
    LeastSquaresCriticLoss,
    LeastSquaresGeneratorLoss,
    TranslationCriticLoss,
    TranslationGeneratorLoss,
)

from .analytic_gan import AnalyticGAN, batch

CLASSES = torch.tensor([0, 0, 1]), torch.tensor([0, 1])


def test_squares_of_every_location() -> None:
    real, fake = torch.randn(3, 1, 4, 5), torch.randn(2, 1, 4, 5)
    critic = LeastSquaresCriticLoss()(real, fake, *CLASSES)
    torch.testing.assert_close(critic, ((real - 1).square().mean() + fake.square().mean()) / 2)
    torch.testing.assert_close(LeastSquaresGeneratorLoss()(fake), (fake - 1).square().mean())


def test_best_where_each_gets_what_it_wants() -> None:
    """Zhu et al.: a critic says 1 of real images and 0 of artificial ones, the generator wants it to say 1 of these."""
    real, fake = torch.ones(3, 1, 2, 2), torch.zeros(2, 1, 2, 2)
    assert LeastSquaresCriticLoss()(real, fake, *CLASSES) == 0
    assert LeastSquaresCriticLoss()(fake, real, *CLASSES) == 1  # a critic that is wrong about all
    assert LeastSquaresGeneratorLoss()(real) == 0 and LeastSquaresGeneratorLoss()(-fake) == 1


def test_critic_and_generator_pull_apart() -> None:
    signs = []
    for loss in (lambda v: LeastSquaresCriticLoss()(torch.ones(3, 1), v, *CLASSES), LeastSquaresGeneratorLoss()):
        fake = torch.tensor([[0.2], [0.7]], requires_grad=True)
        loss(fake).backward()
        signs.append(fake.grad.sign().unique().tolist())
    assert signs == [[1], [-1]]


def test_no_image_no_loss() -> None:
    real, fake = torch.ones(3, 1).requires_grad_(), torch.ones(0, 1)
    loss = LeastSquaresCriticLoss()(real, fake, CLASSES[0], CLASSES[1][:0])
    loss.backward()
    assert loss.item() == 0
    assert LeastSquaresGeneratorLoss()(fake).item() == 0


def test_of_cyclegan() -> None:
    """Adversarial, cycle and identity term, in both directions at once; no penalty."""
    network, (image, label) = AnalyticGAN(classifies=False), batch(0, 1, 1, 0)
    flat, factor, slope = image[:, 0], network.generator.factor.detach(), network.discriminator.slope.detach()
    fake = flat * factor[1 - label][:, None]
    judged = (flat * slope[label]).sum(1), (fake * slope[1 - label]).sum(1)
    critic = TranslationCriticLoss(1.0, 0.0, 0.0, adversarial="least_squares")(network, image, label)
    assert set(critic) == {"loss", "adv"}
    torch.testing.assert_close(critic["adv"], ((judged[0] - 1).square().mean() + judged[1].square().mean()) / 2)
    options = {"lambda_rec": 10.0, "lambda_id": 5.0, "distance": "mae", "adversarial": "least_squares"}
    found = TranslationGeneratorLoss(lambda_cls=0.0, **options)(network, image, label)  # type: ignore[arg-type]
    expected = {
        "adv": (judged[1] - 1).square().mean(),
        "rec": (fake * factor[label][:, None] - flat).abs().mean(),
        "id": (flat * factor[label][:, None] - flat).abs().mean(),
    }
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value)
    total = expected["adv"] + 10 * expected["rec"] + 5 * expected["id"]
    torch.testing.assert_close(found["loss"].detach(), total)


@pytest.mark.parametrize("targets", ["opposite", "random", "healthy"])
@pytest.mark.parametrize("c", [0, 1])
def test_batch_of_one_class(c: int, targets: str) -> None:
    network = AnalyticGAN()
    for loss in (
        TranslationCriticLoss(lambda_gp=0.0, lambda_cls=0.0, targets=targets, adversarial="least_squares"),
        TranslationGeneratorLoss(targets=targets, adversarial="least_squares"),
    ):
        found = loss(network, *batch(c, c, c))
        found["loss"].backward()
        assert all(value.isfinite().all() for value in found.values())
