# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from monai_anomaly.losses import ConfusionLoss

from .toy import DIM, SITES, Toy, images, learning, targets

GIVEN = targets([0, 1, 0, 1], [0, 1, 2, -1])


def loss_of(beta: float = 1.0) -> ConfusionLoss:
    torch.manual_seed(0)
    return ConfusionLoss(SITES, DIM, hidden=8, beta=beta)


def gradients(beta: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Of the encoder and of the head."""
    loss, network = loss_of(beta), Toy()
    loss(network(images(4)), GIVEN).backward()
    assert isinstance(loss.head[0].weight, torch.nn.Parameter) and loss.head[0].weight.grad is not None
    return network.encoder.weight.grad, loss.head[0].weight.grad


def test_cross_entropy_of_the_sites_and_of_equal_odds() -> None:
    loss, output = loss_of(beta=7.0), Toy()(images(4))
    logits = loss.head(output["latent"][:3])
    equal = F.cross_entropy(logits, torch.full((3, SITES), 1 / SITES))
    expected = F.cross_entropy(logits, torch.tensor([0, 1, 2])) + 7 * equal
    torch.testing.assert_close(loss(output, GIVEN), expected)


def test_a_head_that_cannot_tell_costs_no_encoder_anything() -> None:
    loss, network = loss_of(), Toy()
    with torch.no_grad():
        for parameter in loss.parameters():
            parameter.zero_()
    cost = loss(network(images(4)), GIVEN)
    cost.backward()
    assert cost.item() == pytest.approx(2 * math.log(SITES)) and not network.encoder.weight.grad.any()


def test_the_head_learns_the_sites_and_the_encoder_the_confusion() -> None:
    encoder, head = gradients(1.0)
    stronger, same = gradients(3.0)
    torch.testing.assert_close(stronger, 3 * encoder)
    torch.testing.assert_close(same, head)
    assert learning(loss_of(), GIVEN) == {"encoder", "loss"}
    assert learning(loss_of(beta=0.0), GIVEN) == {"loss"}


@pytest.mark.parametrize("progress, parts", [(0.2, {"loss"}), (0.3, {"encoder", "loss"})])
def test_the_encoder_unlearns_when_both_have_learned(progress: float, parts: set[str]) -> None:
    loss = ConfusionLoss(SITES, DIM, hidden=8, start=0.3)
    loss.progress = progress
    assert learning(loss, GIVEN) == parts


def test_images_of_unknown_sites_alone_cost_nothing() -> None:
    assert loss_of()(Toy()(images(2)), targets([0, 1], [-1, -1])).item() == 0
