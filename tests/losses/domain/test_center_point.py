# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch

from monai_anomaly.losses import CenterPointLoss

from .toy import DIM, Toy, images, learning, targets, unit


def test_equation_2() -> None:
    """Two anchors; centers at a right angle are sqrt(2) apart, and 60 degrees are a distance of 1."""
    output = {"latent": unit(0, 60, 150), "centers": unit(0, 90)}
    given = targets([0, 0, 1], [1, 0, 0], anchor=[0, 1, 1])
    push = 0.5 * (1.9 - 2**0.5) ** 2
    expected = torch.tensor((0.9**2 + push + 0.9**2 + push) / 2)
    torch.testing.assert_close(CenterPointLoss()(output, given), expected)


def test_every_other_center_pushes() -> None:
    output = {"latent": unit(0), "centers": unit(0, 60, 180)}
    expected = torch.tensor(0.5 * (1.9 - 1) ** 2)  # of the center at 60 degrees; that at 180 is far enough
    torch.testing.assert_close(CenterPointLoss()(output, targets([0], [0])), expected)


def test_within_radius_and_distance_it_costs_nothing() -> None:
    output = {"latent": unit(5, 176), "centers": unit(0, 180)}
    assert CenterPointLoss()(output, targets([0, 1], [0, 0])).item() == 0
    assert CenterPointLoss(2.0, 0.0)(output, targets([0, 1], [0, 0])).item() > 0  # no margin


def test_no_anchor_costs_nothing_and_can_be_differentiated() -> None:
    network = Toy()
    loss = CenterPointLoss()(network(images(2)), targets([0, 1], [1, 2]))
    loss.backward()
    assert loss.item() == 0 and all(p.grad is None or not p.grad.any() for p in network.parameters())


def test_gradients_are_finite_where_image_and_center_coincide() -> None:
    latent, centers = unit(0).requires_grad_(), unit(0, 0).requires_grad_()
    CenterPointLoss(radius=0.0)({"latent": latent, "centers": centers}, targets([0], [0])).backward()
    assert latent.grad is not None and centers.grad is not None
    assert latent.grad.isfinite().all() and centers.grad.isfinite().all()


def test_a_rotation_of_the_latent_space_changes_nothing() -> None:
    output, given = Toy()(images(4)), targets([0, 1, 1, 0], [0, 0, 0, 1])
    rotation = torch.linalg.qr(torch.randn(DIM, DIM, generator=torch.Generator().manual_seed(0)))[0]
    turned = {name: output[name] @ rotation for name in ("latent", "centers")}
    torch.testing.assert_close(CenterPointLoss()(turned, given), CenterPointLoss()(output, given))


def test_the_order_of_the_images_changes_nothing() -> None:
    x, order = images(4), [2, 0, 3, 1]
    label, site, anchor = [0, 1, 1, 0], [0, 0, 1, 0], [1, 0, 0, 1]
    shuffled = targets(*([part[i] for i in order] for part in (label, site, anchor)))
    loss, network = CenterPointLoss(), Toy()
    torch.testing.assert_close(loss(network(x[order]), shuffled), loss(network(x), targets(label, site, anchor)))


def test_centers_and_encoder_learn() -> None:
    assert learning(CenterPointLoss(), targets([0, 1, 0], [0, 0, 1])) == {"centers", "encoder"}


@pytest.mark.parametrize("distance, radius, word", [(0.1, 0.1, "twice"), (1.9, -0.1, "negative")])
def test_spheres_that_overlap_are_refused(distance: float, radius: float, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        CenterPointLoss(distance, radius)
