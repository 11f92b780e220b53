# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from monai_anomaly.losses import ImageDistance, TranslationGeneratorLoss
from monai_anomaly.networks.nets import TranslationGAN

from .analytic_gan import AnalyticGAN, batch


def close(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    assert set(found) == {*expected, "loss", "fake"}
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-4, atol=1e-5)
        assert not found[name].requires_grad


@pytest.mark.parametrize("distance", ["mse", "norm", "mae"])
def test_equation_7(distance: str) -> None:
    network, (image, label) = AnalyticGAN(), batch(0, 1, 1)
    found = TranslationGeneratorLoss(distance=distance)(network, image, label)
    factor, slope = network.generator.factor.detach(), network.discriminator.slope.detach()
    fake = image * factor[1 - label].reshape(-1, 1, 1)
    away = ImageDistance(distance)
    expected = {
        "adv": -(fake[:, 0] * slope[1 - label]).sum(1).mean(),
        "cls": F.cross_entropy(fake[:, 0], 1 - label),
        "rec": away(image, fake * factor[label].reshape(-1, 1, 1)),
        "id": away(image, image * factor[label].reshape(-1, 1, 1)),
    }
    close(found, expected)
    torch.testing.assert_close(found["fake"], fake)
    loss = expected["adv"] + expected["cls"] + 50 * expected["rec"] + 50 * expected["id"]
    torch.testing.assert_close(found["loss"].detach(), loss, rtol=1e-4, atol=1e-4)


def test_weights_of_the_terms() -> None:
    names = ("adv", "cls", "rec", "id", "change")
    weights = dict(zip(names, (2.0, 3.0, 5.0, 7.0, 11.0), strict=True))
    loss = TranslationGeneratorLoss(**{f"lambda_{name}": value for name, value in weights.items()})  # type: ignore[arg-type]
    found = loss(AnalyticGAN(), *batch(0, 1, 1))
    torch.testing.assert_close(found["loss"].detach(), sum(weights[name] * found[name] for name in names))


def test_vagan() -> None:
    """Only the diseased become healthy; a critic without classes; the change is the L1 norm of the map."""
    options: dict[str, Any] = {"lambda_cls": 0.0, "lambda_rec": 0.0, "lambda_id": 0.0, "lambda_change": 100.0}
    network, (image, label) = AnalyticGAN(classifies=False), batch(0, 1, 0, 1)
    found = TranslationGeneratorLoss(targets="healthy", **options)(network, image, label)
    diseased, factor = image[label == 1], network.generator.factor[0].item()
    fake = factor * diseased
    judged = (fake[:, 0] * network.discriminator.slope[0].detach()).sum(1)
    close(found, {"adv": -judged.mean(), "change": (fake - diseased).abs().mean()})
    torch.testing.assert_close(found["fake"], fake)
    assert len(network.generator.calls) == 1  # nothing is made that has no weight


def test_fixed_point_gan_judges_the_identity_as_well() -> None:
    network, (image, label) = AnalyticGAN(), batch(0, 1, 1)
    found = TranslationGeneratorLoss(judge_identity=True)(network, image, label)
    x, target = network.discriminator.calls[0]
    assert len(network.discriminator.calls) == 1 and target.tolist() == [1, 0, 0, 0, 1, 1]
    factor = network.generator.factor.detach().reshape(-1, 1, 1)
    torch.testing.assert_close(x, torch.cat([image * factor[1 - label], image * factor[label]]))
    torch.testing.assert_close(found["fake"], x)
    back, own = network.generator.calls[1]
    assert own.tolist() == [0, 1, 1, 0, 1, 1]
    torch.testing.assert_close(back, x)
    torch.testing.assert_close(found["cls"], F.cross_entropy(x[:, 0], target))
    twice = torch.cat([image, image])
    torch.testing.assert_close(found["rec"], ImageDistance()(twice, x * factor[own]))
    torch.testing.assert_close(found["id"], ImageDistance()(image, image * factor[label]))


@pytest.mark.parametrize("targets", ["opposite", "random", "healthy"])
@pytest.mark.parametrize("identity", [False, True])
@pytest.mark.parametrize("judge", [False, True])
@pytest.mark.parametrize("c", [0, 1])
def test_batch_of_one_class(c: int, judge: bool, identity: bool, targets: str) -> None:
    network = AnalyticGAN()
    options: dict[str, Any] = {"lambda_change": 1.0, "judge_identity": judge, "lambda_id": float(identity)}
    found = TranslationGeneratorLoss(targets=targets, **options)(network, *batch(c, c, c))
    found["loss"].backward()
    assert all(value.isfinite().all() for value in found.values())
    assert network.generator.factor.grad.isfinite().all()


def test_nothing_to_translate_moves_no_weight() -> None:
    network = AnalyticGAN()
    options: dict[str, Any] = {"lambda_id": 0.0, "targets": "healthy"}
    found = TranslationGeneratorLoss(**options)(network, *batch(0, 0))
    found["loss"].backward()
    assert set(found) == {"loss", "fake"} and found["fake"].shape == (0, 1, 2)
    assert found["loss"].item() == 0 and not network.generator.factor.grad.any()
    assert not network.generator.calls and not network.discriminator.calls


class Moving(nn.Module):
    """Shifts by a field with a slope along each axis, and paints."""

    def __init__(self) -> None:
        super().__init__()
        self.slope, self.paint = nn.Parameter(torch.tensor(0.5)), nn.Parameter(torch.tensor(-0.25))

    def deform(self, x: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        ramp = torch.arange(x.shape[-1], dtype=x.dtype).expand_as(x)
        field = self.slope * torch.cat([ramp, 2 * ramp.transpose(2, 3)], dim=1)
        residual = self.paint * torch.ones_like(x)
        return x + residual, field, residual

    def forward(self, x: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return self.deform(x, target)[0]


class Blind(nn.Module):
    """Judges by the mean and cannot classify."""

    def forward(self, x: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, None]:
        return x.flatten(1).mean(1), None


@pytest.mark.parametrize("identity", [0.0, 1.0])
def test_terms_of_the_displacement(identity: float) -> None:
    network = TranslationGAN(Moving(), Blind())
    image, label = torch.rand(2, 1, 8, 8), torch.tensor([0, 1])
    options: dict[str, Any] = {"lambda_cls": 0.0, "lambda_rec": 0.0, "lambda_id": identity}
    found = TranslationGeneratorLoss(lambda_smooth=3.0, lambda_sparse=2.0, **options)(network, image, label)
    torch.testing.assert_close(found["smooth"], torch.tensor((0.25 + 1) / 2))  # of slopes 0.5 and 1, a field each
    torch.testing.assert_close(found["sparse"], torch.tensor(0.25))
    plain = TranslationGeneratorLoss(**options)(network, image, label)
    torch.testing.assert_close(found["loss"] - plain["loss"], torch.tensor(3 * 0.625 + 2 * 0.25))
    assert not {"smooth", "sparse"} & set(plain)
    (found["loss"] - plain["loss"]).backward()
    assert network.generator.slope.grad > 0 > network.generator.paint.grad


def test_terms_of_the_displacement_need_one() -> None:
    with pytest.raises(ValueError, match="generator that moves images, a DeformingGenerator; found Scale"):
        TranslationGeneratorLoss(lambda_smooth=1.0)(AnalyticGAN(), *batch(0, 1))


def test_other_word() -> None:
    with pytest.raises(ValueError, match="kind must be 'mse'"):
        TranslationGeneratorLoss(distance="l1")
    with pytest.raises(ValueError, match="targets must be one of"):
        TranslationGeneratorLoss(targets="own")
