# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

import pytest
import torch

from monai_anomaly.losses import SupervisedContrastiveLoss

from .toy import DIM, Toy, images, learning, moved, targets, unit

LABEL = [0, 1, 0, 1, 0]
GIVEN = targets(LABEL, [0, 1, 2, 0, 1])


def test_equation_2_by_hand() -> None:
    """Two images of a class at a right angle, and one opposite to the first: it has no positive."""
    loss = SupervisedContrastiveLoss(temperature=1.0)({"latent": unit(0, 90, 180)}, targets([0, 0, 1], [0, 1, 1]))
    first, second = math.log(1 + math.exp(-1)), math.log(2)
    assert loss.item() == pytest.approx((first + second) / 2)


def test_agrees_with_pytorch_metric_learning() -> None:
    losses = pytest.importorskip("pytorch_metric_learning.losses")
    latent = Toy()(images(5))["latent"].detach()
    for temperature in (0.07, 0.5):
        expected = losses.SupConLoss(temperature)(latent, torch.tensor(LABEL))
        torch.testing.assert_close(SupervisedContrastiveLoss(temperature)({"latent": latent}, GIVEN), expected)


@pytest.mark.parametrize("label", [[0], [0, 1], [0, 0], [1, 1, 1]])
def test_it_is_finite_in_small_batches_of_a_low_temperature(label: list[int]) -> None:
    network = Toy()
    loss = SupervisedContrastiveLoss(1e-4)(network(images(len(label))), targets(label, label))
    loss.backward()
    assert loss.isfinite() and network.encoder.weight.grad.isfinite().all()
    assert len(label) > 2 or loss.item() == 0


def test_anchors_are_not_compared() -> None:
    output = Toy()(images(6))
    marked = targets([*LABEL, 0], [0, 1, 2, 0, 1, 0], anchor=[0] * 5 + [1])
    first = {"latent": output["latent"][:5]}
    torch.testing.assert_close(SupervisedContrastiveLoss()(output, marked), SupervisedContrastiveLoss()(first, GIVEN))


def test_neither_rotation_nor_order_change_anything() -> None:
    latent = Toy()(images(5))["latent"]
    rotation = torch.linalg.qr(torch.randn(DIM, DIM, generator=torch.Generator().manual_seed(0)))[0]
    order = [4, 2, 0, 1, 3]
    loss = SupervisedContrastiveLoss()
    other = loss({"latent": (latent @ rotation)[order]}, targets([LABEL[i] for i in order], [0] * 5))
    torch.testing.assert_close(other, loss({"latent": latent}, GIVEN))


def test_the_encoder_alone_learns() -> None:
    assert learning(SupervisedContrastiveLoss(), GIVEN) == {"encoder"}


def test_no_positives_leave_a_gradient_of_0() -> None:
    network = Toy()
    SupervisedContrastiveLoss()(network(images(2)), targets([0, 1], [0, 0])).backward()
    assert not moved(network.encoder.weight)


def test_a_temperature_of_0_is_refused() -> None:
    with pytest.raises(ValueError, match="positive"):
        SupervisedContrastiveLoss(0.0)
