# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from monai_anomaly.losses import GradientPenalty, TranslationCriticLoss

from .analytic_gan import AnalyticGAN, batch


class Pairs(GradientPenalty):
    """Keeps what is mixed."""

    def forward(self, critic: Any, real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
        self.real, self.fake = real, fake
        return super().forward(critic, real, fake)


def test_equation_8() -> None:
    network, (image, label) = AnalyticGAN(), batch(0, 1, 1, 1)
    terms = TranslationCriticLoss()(network, image, label)
    flat, factor, slope = image[:, 0], network.generator.factor.detach(), network.discriminator.slope.detach()
    fake = flat * factor[1 - label][:, None]
    real_judged, fake_judged = (flat * slope[label]).sum(1), (fake * slope[1 - label]).sum(1)
    adv = 0.25 * (fake_judged[1:].mean() - real_judged[0]) + 0.75 * (fake_judged[0] - real_judged[1:].mean())
    gp = (0**2 * 3 + 4**2 * 1) / 4  # of the three critics of class 0, of slope 1, and the one of slope 5
    cls = F.cross_entropy(flat, label)
    for name, expected in {"adv": adv, "gp": torch.tensor(gp), "cls": cls}.items():
        torch.testing.assert_close(terms[name], expected, rtol=1e-4, atol=1e-5)
        assert not terms[name].requires_grad
    torch.testing.assert_close(terms["loss"].detach(), 20 * adv + 10 * gp + 5 * cls, rtol=1e-4, atol=1e-4)


def test_weights_of_the_terms() -> None:
    network, data = AnalyticGAN(), batch(0, 1, 1)
    terms = TranslationCriticLoss(lambda_adv=2.0, lambda_gp=3.0, lambda_cls=7.0, pairing="own")(network, *data)
    expected = 2 * terms["adv"] + 3 * terms["gp"] + 7 * terms["cls"]
    torch.testing.assert_close(terms["loss"].detach(), expected)
    alone = TranslationCriticLoss(lambda_cls=0.0)(AnalyticGAN(classifies=False), *data)
    assert set(alone) == {"loss", "adv", "gp"}


def test_the_discriminator_alone_learns() -> None:
    network = AnalyticGAN()
    TranslationCriticLoss()(network, *batch(0, 1, 1))["loss"].backward()
    assert network.generator.factor.grad is None and network.discriminator.slope.grad.abs().min() > 0


def test_partner_of_the_same_class() -> None:
    torch.manual_seed(0)
    network, (image, label) = AnalyticGAN(), batch(0, 0, 1, 1, 1)
    penalty, partners = Pairs(), set()
    for _ in range(30):
        TranslationCriticLoss(penalty=penalty)(network, image, label)
        chosen = [int((image == real).flatten(1).all(1).nonzero()) for real in penalty.real]
        assert label[chosen].tolist() == (1 - label).tolist()
        partners.add(tuple(chosen))
    assert len(partners) > 10  # drawn anew


def test_partner_is_the_image_itself() -> None:
    network, (image, label) = AnalyticGAN(), batch(0, 0, 1)
    penalty = Pairs()
    terms = TranslationCriticLoss(pairing="own", penalty=penalty)(network, image, label)
    assert terms["gp"].item() == pytest.approx((16 + 16 + 0) / 3, rel=1e-4)  # critics of the targets: slope 5, 5, 1
    assert torch.equal(penalty.real, image)
    torch.testing.assert_close(penalty.fake, image * network.generator.factor[1 - label].detach().reshape(-1, 1, 1))


def test_healthy_images_alone_are_the_truth_where_images_become_healthy() -> None:
    network, (image, label) = AnalyticGAN(), batch(0, 1, 1, 0)
    terms = TranslationCriticLoss(targets="healthy", lambda_cls=0.0)(network, image, label)
    x, target = network.discriminator.calls[0]
    assert target.tolist() == [0] * 4 and torch.equal(x[:2], image[label == 0])
    slope = network.discriminator.slope[0].detach()
    expected = (x[2:, 0] @ slope).mean() - (x[:2, 0] @ slope).mean()
    torch.testing.assert_close(terms["adv"], expected)


@pytest.mark.parametrize("pairing", ["class", "own"])
@pytest.mark.parametrize("targets", ["opposite", "random", "healthy"])
@pytest.mark.parametrize("c", [0, 1])
def test_batch_of_one_class(c: int, targets: str, pairing: str) -> None:
    network = AnalyticGAN()
    terms = TranslationCriticLoss(targets=targets, pairing=pairing, lambda_cls=0.0)(network, *batch(c, c, c))
    terms["loss"].backward()
    assert all(value.isfinite() for value in terms.values())
    assert network.discriminator.slope.grad.isfinite().all()


def test_empty_batches_are_not_translated() -> None:
    network = AnalyticGAN()
    network.generator.forward = None  # type: ignore[assignment]
    terms = TranslationCriticLoss(targets="healthy", lambda_cls=0.0)(network, *batch(0, 0))
    assert terms["loss"].item() == 0


def test_penalty_of_some_batches_counts_for_all() -> None:
    """As heavy on the whole, with a part of the work."""
    torch.manual_seed(0)
    every, some = TranslationCriticLoss(), TranslationCriticLoss(penalty_interval=4)
    network, data = AnalyticGAN(), batch(0, 1, 1, 1)
    expected = every(network, *data)["gp"].item()
    found = [some(network, *data) for _ in range(400)]
    taken = [terms["gp"].item() for terms in found if "gp" in terms]
    assert 70 < len(taken) < 130 and taken == pytest.approx([4 * expected] * len(taken), rel=1e-4)
    assert all(terms["loss"].requires_grad for terms in found)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"penalty_interval": 0}, "penalty_interval must be at least 1, got 0"),
        ({"pairing": "random"}, "pairing must be one of .*, got 'random'"),
        ({"targets": "own"}, "targets must be one of"),
        ({"targets": "healthy"}, "lambda_cls must be 0 with targets='healthy': .* got 5"),
    ],
)
def test_other_words(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TranslationCriticLoss(**options)


def test_is_a_loss_of_torch() -> None:
    assert isinstance(TranslationCriticLoss(), nn.Module)
