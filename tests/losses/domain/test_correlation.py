# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch

from monai_anomaly.losses import CorrelationAlignmentLoss

from .toy import DIM, Toy, images, learning, targets

SITE = [0, 0, 0, 1, 1, 2, 2, 2]
GIVEN = targets([0] * 8, SITE)


def test_by_hand() -> None:
    """One site varies along the first axis, with a variance of 2, the other along the second with 0.5."""
    latent = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 0.5], [0.0, -0.5]])
    loss = CorrelationAlignmentLoss()({"latent": latent}, targets([0] * 4, [0, 0, 1, 1]))
    assert loss.item() == pytest.approx((2**2 + 0.5**2) / (4 * 2**2))


def test_agrees_with_skada() -> None:
    skada = pytest.importorskip("skada.deep.losses")
    latent = Toy()(images(8))["latent"].detach()
    a, b, c = latent[:3], latent[3:5], latent[5:]
    expected = torch.stack([skada.deepcoral_loss(*pair) for pair in ((a, b), (a, c), (b, c))]).mean()
    torch.testing.assert_close(CorrelationAlignmentLoss()({"latent": latent}, GIVEN), expected)


def test_equal_sites_cost_nothing_wherever_they_lie() -> None:
    x = images(4)[:, :DIM]
    loss = CorrelationAlignmentLoss()({"latent": torch.cat([x, x + 3])}, targets([0] * 8, [0] * 4 + [1] * 4))
    assert loss.item() == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("site", [[0, 0, 0], [0, 1, 2], [0, 0, 1], [0, 0, -1]])
def test_without_two_sites_of_two_images_it_costs_nothing(site: list[int]) -> None:
    network = Toy()
    loss = CorrelationAlignmentLoss()(network(images(3)), targets([0] * 3, site))
    loss.backward()
    assert loss.item() == 0 and not network.encoder.weight.grad.any()


def test_the_encoder_alone_learns() -> None:
    assert learning(CorrelationAlignmentLoss(), GIVEN) == {"encoder"}
