# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch

from monai_anomaly.losses import group_counts
from monai_anomaly.losses.domain.groups import group_weights


def test_counts_of_sites_and_classes() -> None:
    assert group_counts([0, 1, 1, 0, 1], ["a", "b", "b", "new", "a"], ["b", "a", "c"], 2) == [[0, 2], [1, 1], [0, 0]]


def test_groups_weigh_the_same_and_the_mean_weight_is_1() -> None:
    counts = torch.tensor([[16, 55], [0, 368], [113, 0]])
    weighted = counts * group_weights(counts.tolist())
    present = weighted[counts > 0]
    torch.testing.assert_close(present, present.mean().expand(4))
    torch.testing.assert_close(weighted.sum(), counts.sum().float())


def test_no_images_are_refused() -> None:
    with pytest.raises(ValueError, match="groups"):
        group_weights([[0, 0]])
