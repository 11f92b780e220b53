# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

import pytest
import torch

from monai_anomaly.losses import ContrastiveDiscrepancyLoss, SiteTargets
from monai_anomaly.utils import DataError

from .toy import Toy, images, learning, targets, unit


def loss_of(latent: torch.Tensor, given: SiteTargets, **options: float) -> ContrastiveDiscrepancyLoss:
    """With clusters found in the batch itself."""
    loss = ContrastiveDiscrepancyLoss(2, latent.shape[1], **{"min_images": 1, **options})
    loss.cluster(latent, given)
    return loss


def test_by_hand() -> None:
    """Both domains have one image of each class, opposite to each other; one kernel of the mean squared distance."""
    latent = unit(0, 180, 0, 180)
    given = targets([0, 1, 0, 1], [1, 1, 0, 0])
    far = math.exp(-4 / (4 * 8 / 12))  # 4 of 6 pairs have a squared distance of 4
    # within a class 1 + 1 - 2; of image and the opposite one 1 + 1 - 2 exp(-d^2 / width)
    expected = 0 - (2 - 2 * far)
    loss = loss_of(latent, given, kernels=1)
    assert loss({"latent": latent}, given).item() == pytest.approx(expected, abs=1e-6)


def test_the_discrepancy_within_a_class_is_that_of_skada() -> None:
    """Its ``cdd_loss`` is another sum than the paper's: 0.6.0 weighs rows of all classes, and squares the counts of
    e3; its maximum mean discrepancy is the same."""
    skada = pytest.importorskip("skada.deep.losses")
    latent = Toy()(images(6))["latent"].detach()
    given = targets([0] * 6, [1, 1, 1, 1, 0, 0])
    loss = ContrastiveDiscrepancyLoss(1, latent.shape[1], threshold=1.0, min_images=1)
    loss.cluster(latent, given)
    width = torch.cdist(latent, latent).square().sum() / 30

    def kernel(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        squared = torch.cdist(x, y).square()
        return torch.stack([(-squared / width / wider).exp() for wider in (0.25, 0.5, 1, 2, 4)]).sum(0)

    expected = skada._maximum_mean_discrepancy(latent[:4], latent[4:], kernel)
    torch.testing.assert_close(loss({"latent": latent}, given), expected)


def test_labels_of_the_target_are_not_used() -> None:
    latent = unit(0, 180, 20, 200)
    right, wrong = targets([0, 1, 0, 1], [1, 1, 0, 0]), targets([0, 1, 1, 0], [1, 1, 0, 0])
    values = [loss_of(latent, given)({"latent": latent}, given) for given in (right, wrong)]
    assert values[0] == values[1] and values[0] < 0


def test_images_far_from_their_cluster_are_left_out() -> None:
    latent, site = unit(0, 180, 0, 20, 180, 90), [1, 1, 0, 0, 0, 0]
    given = targets([0, 1, 0, 0, 0, 0], site)
    loss = loss_of(latent, given, threshold=0.1)
    without = loss._classes(latent[2:])
    assert without.tolist() == [0, 0, 1, -1]


def test_clusters_of_few_images_are_left_out() -> None:
    latent, given = unit(0, 180, 0, 10, 180), targets([0, 1, 0, 0, 1], [1, 1, 0, 0, 0])
    assert loss_of(latent, given, min_images=2).used.tolist() == [True, False]


def test_closer_domains_cost_less() -> None:
    def cost(turn: float) -> float:
        latent = unit(0, 10, 180, 190, turn, turn + 10, turn + 180, turn + 190)
        given = targets([0, 0, 1, 1] * 2, [1] * 4 + [0] * 4)
        return loss_of(latent, given)({"latent": latent}, given).item()

    assert cost(0) < cost(20) < cost(60)


@pytest.mark.parametrize("site", [[1, 1, 2, 2], [0, 0, 0, 0]])
def test_a_batch_of_one_domain_costs_nothing(site: list[int]) -> None:
    network = Toy()
    clustered = targets([0, 1, 0, 1], [1, 1, 0, 0])
    loss = loss_of(network(images(4))["latent"], clustered)
    cost = loss(network(images(4)), targets([0, 1, 0, 1], site))
    cost.backward()
    assert cost.item() == 0 and not network.encoder.weight.grad.any()


def test_the_encoder_alone_learns() -> None:
    given = targets([0, 1, 0, 1, 0], [1, 2, 0, 0, 1])
    assert learning(loss_of(Toy()(images(5))["latent"], given), given) == {"encoder"}


def test_clusters_are_the_state() -> None:
    latent, given = unit(0, 180, 0, 180), targets([0, 1, 0, 1], [1, 1, 0, 0])
    loss, other = loss_of(latent, given), ContrastiveDiscrepancyLoss(2, 2)
    other.load_state_dict(loss.state_dict())
    assert other({"latent": latent}, given) == loss({"latent": latent}, given)


def test_without_clusters_it_says_what_finds_them() -> None:
    with pytest.raises(DataError, match="ClusterTargets"):
        ContrastiveDiscrepancyLoss(2, 2)({"latent": unit(0)}, targets([0], [0]))


@pytest.mark.parametrize("label, site", [([0, 0, 1], [1, 2, 0]), ([0, 1], [1, 1])])
def test_a_class_without_source_and_no_target_are_refused(label: list[int], site: list[int]) -> None:
    with pytest.raises(DataError, match="every class"):
        loss_of(unit(*range(len(label))), targets(label, site))


def test_it_starts_when_the_network_has_learned() -> None:
    latent, given = unit(0, 180, 10, 190), targets([0, 1, 0, 1], [1, 1, 0, 0])
    loss = loss_of(latent, given, start=0.25)
    costs = []
    for loss.progress in (0.0, 0.24, 0.25, 1.0):
        costs.append(loss({"latent": latent}, given).item())
    assert costs[:2] == [0, 0] and costs[2] == costs[3] != 0
