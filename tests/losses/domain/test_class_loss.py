# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from monai_anomaly.losses import ClassLoss

from .toy import learning, targets

LOGITS = torch.tensor([[0.0, 2.0], [1.0, 0.0], [0.0, 0.0], [9.0, 0.0]])
GIVEN = targets([0, 1, 1, 1], [0, 0, 1, 0], anchor=[0, 0, 0, 1])


def test_cross_entropy_of_all_images_but_the_anchors() -> None:
    expected = F.cross_entropy(LOGITS[:3], torch.tensor([0, 1, 1]))
    torch.testing.assert_close(ClassLoss()({"logits": LOGITS}, GIVEN), expected)


def test_each_group_weighs_the_same() -> None:
    """Of 1 and 2 images of the first site and 3 of the second."""
    label, site = [0, 1, 1, 1, 1, 1], [0, 0, 0, 1, 1, 1]
    logits = torch.randn(6, 2, generator=torch.Generator().manual_seed(0))
    cost = F.cross_entropy(logits, torch.tensor(label), reduction="none")
    expected = torch.stack([cost[0], cost[1:3].mean(), cost[3:].mean()]).mean()
    loss = ClassLoss(balanced=True, groups=[[1, 2], [0, 3]])
    torch.testing.assert_close(loss({"logits": logits}, targets(label, site)), expected)


def test_an_image_of_an_unknown_site_has_weight_1() -> None:
    loss, output = ClassLoss(balanced=True, groups=[[1, 9], [5, 5]]), {"logits": LOGITS[:1]}
    torch.testing.assert_close(loss(output, targets([0], [-1])), ClassLoss()(output, targets([0], [-1])))


@pytest.mark.parametrize("trains, parts", [(True, {"classifier", "encoder"}), (False, {"classifier"})])
def test_what_learns(trains: bool, parts: set[str]) -> None:
    assert learning(ClassLoss(trains), targets([0, 1, 1], [0, 1, 2])) == parts


def test_its_weights_are_settings_and_no_state() -> None:
    assert not ClassLoss(balanced=True, groups=[[1, 2]]).state_dict()


def test_balance_needs_counts() -> None:
    with pytest.raises(ValueError, match="groups"):
        ClassLoss(balanced=True)


def test_the_source_alone_counts_where_the_target_has_no_labels() -> None:
    given = targets([0, 1, 1], [0, 1, 2])
    expected = F.cross_entropy(LOGITS[1:3], torch.tensor([1, 1]))
    torch.testing.assert_close(ClassLoss(source_only=True)({"logits": LOGITS[:3]}, given), expected)
