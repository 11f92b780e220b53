# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from monai_anomaly.losses import DomainAdversarialLoss

from .toy import DIM, Toy, images, learning, targets

GIVEN = targets([0, 1, 0, 1], [0, 1, 2, -1])


def loss_of(**options: float) -> DomainAdversarialLoss:
    torch.manual_seed(0)
    return DomainAdversarialLoss(3, DIM, hidden=8, **options)


def test_cross_entropy_of_the_known_sites() -> None:
    loss, output = loss_of(), Toy()(images(4))
    expected = F.cross_entropy(loss.head(output["latent"][:3]), torch.tensor([0, 1, 2]))
    torch.testing.assert_close(loss(output, GIVEN), expected)


@pytest.mark.parametrize("progress, strength", [(0.0, 0.0), (0.1, 0.4621), (0.5, 0.9866), (1.0, 0.9999)])
def test_the_published_schedule(progress: float, strength: float) -> None:
    loss = loss_of()
    loss.progress = progress
    assert loss.strength == pytest.approx(strength, abs=1e-4)
    assert loss_of(scale=3.0).strength == pytest.approx(3, abs=1e-3)  # the full one, without a handler


def test_the_step_of_encoder_raises_the_loss_and_that_of_the_head_lowers_it() -> None:
    loss, network, x = loss_of(), Toy(), images(4)
    before = loss(network(x), GIVEN)
    before.backward()
    rate = 0.05
    with torch.no_grad():
        for parameter in network.encoder.parameters():
            parameter -= rate * parameter.grad
        assert loss(network(x), GIVEN) > before
        for parameter in network.encoder.parameters():
            parameter += rate * parameter.grad
        for parameter in loss.parameters():
            parameter -= rate * parameter.grad
        assert loss(network(x), GIVEN) < before


def test_encoder_and_head_learn() -> None:
    assert learning(loss_of(), GIVEN) == {"encoder", "loss"}


def test_at_first_the_head_learns_alone() -> None:
    loss = loss_of()
    loss.progress = 0.0
    assert learning(loss, GIVEN) == {"loss"}


def test_images_of_unknown_sites_alone_cost_nothing() -> None:
    assert loss_of()(Toy()(images(2)), targets([0, 1], [-1, -1])).item() == 0


def test_the_head_is_in_the_state() -> None:
    torch.manual_seed(0)
    first, second = (DomainAdversarialLoss(3, DIM, hidden=8) for _ in range(2))
    output = Toy()(images(4))
    assert first(output, GIVEN) != second(output, GIVEN)
    second.load_state_dict(first.state_dict())
    assert first(output, GIVEN) == second(output, GIVEN)
