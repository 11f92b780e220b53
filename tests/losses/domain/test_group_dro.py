# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from monai_anomaly.losses import GroupDROLoss

from .toy import Toy, images, learning, targets

COUNTS = [[4, 4], [0, 9], [9, 0]]
LABEL, SITE = [0, 1, 1, 0], [0, 0, 1, 2]
GIVEN = targets(LABEL, SITE)
LOGITS = torch.tensor([[3.0, 0.0], [0.0, 3.0], [3.0, 0.0], [3.0, 0.0]])
"""All right but the third."""


def test_the_groups_begin_with_equal_weights() -> None:
    loss = GroupDROLoss(COUNTS)
    torch.testing.assert_close(loss.weights, torch.tensor([[0.25, 0.25], [0.0, 0.25], [0.25, 0.0]]))


def test_algorithm_1() -> None:
    loss = GroupDROLoss(COUNTS, step=0.5)
    logits = LOGITS.clone().requires_grad_()
    cost = F.cross_entropy(LOGITS, torch.tensor(LABEL), reduction="none")
    weights = (0.5 * cost).softmax(0)  # from equal ones
    torch.testing.assert_close(loss({"logits": logits}, GIVEN).detach(), (weights * cost).sum())
    torch.testing.assert_close(loss.weights[SITE, LABEL], weights)


def test_the_worst_group_gains_weight() -> None:
    loss = GroupDROLoss(COUNTS, step=0.5)
    seen = []
    for _ in range(5):
        loss({"logits": LOGITS}, GIVEN)
        seen.append(loss.weights[1, 1].item())
    assert seen == sorted(seen) and seen[0] > 0.25 and seen[-1] > 0.9
    assert loss.weights.sum().item() == pytest.approx(1)


def test_a_huge_loss_takes_all_the_weight() -> None:
    loss = GroupDROLoss(COUNTS, step=1.0)
    assert loss({"logits": 1e4 * LOGITS}, GIVEN).isfinite() and loss.weights[1, 1] == 1


def test_small_groups_gain_by_the_adjustment() -> None:
    loss = GroupDROLoss([[4, 100]], step=0.5, adjustment=2.0)
    loss({"logits": torch.zeros(2, 2)}, targets([0, 1], [0, 0]))
    assert (loss.weights[0, 0] / loss.weights[0, 1]).log().item() == pytest.approx(0.5 * 2 * (1 / 2 - 1 / 10))


def test_a_validation_leaves_the_weights() -> None:
    loss = GroupDROLoss(COUNTS)
    before = loss.weights.clone()
    with torch.no_grad():
        loss({"logits": LOGITS}, GIVEN)
    assert torch.equal(loss.weights, before)


def test_the_mean_of_a_group_counts_not_its_number() -> None:
    twice = torch.cat([LOGITS, LOGITS[:1]])
    more = GroupDROLoss(COUNTS)({"logits": twice}, targets([*LABEL, 0], [*SITE, 0]))
    torch.testing.assert_close(more, GroupDROLoss(COUNTS)({"logits": LOGITS}, GIVEN))


def test_unknown_sites_are_left_out() -> None:
    loss = GroupDROLoss(COUNTS)(Toy()(images(2)), targets([0, 1], [-1, -1]))
    loss.backward()
    assert loss.item() == 0


def test_its_weights_are_the_state() -> None:
    loss, other = GroupDROLoss(COUNTS, step=1.0), GroupDROLoss(COUNTS, step=1.0)
    loss({"logits": LOGITS}, GIVEN)
    other.load_state_dict(loss.state_dict())
    assert torch.equal(other.weights, loss.weights) and set(loss.state_dict()) == {"_weights"}


def test_encoder_and_classifier_learn() -> None:
    assert learning(GroupDROLoss(COUNTS), GIVEN) == {"encoder", "classifier"}


def test_no_groups_are_refused() -> None:
    with pytest.raises(ValueError, match="groups"):
        GroupDROLoss([[0, 0]])
