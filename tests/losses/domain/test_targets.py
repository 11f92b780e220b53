# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch

from monai_anomaly.losses import SiteTargets
from monai_anomaly.losses.domain.targets import mean_of

from .toy import targets


def test_anchors_are_for_the_center_points_alone() -> None:
    given = targets([0, 1, 0, 1], [0, 1, 0, 0], anchor=[0, 0, 1, 1])
    assert given.anchors.tolist() == [False, False, True, True] and given.drawn.tolist() == [True, True, False, False]


def test_without_anchors_the_target_domain_is_for_all_losses() -> None:
    given = targets([0, 1, 0], [0, 1, 0])
    assert len(given) == 3 and given.anchors.tolist() == [True, False, True] and given.drawn.all()


@pytest.mark.parametrize("name", ["site", "target", "anchor"])
def test_parts_of_other_lengths_are_refused(name: str) -> None:
    parts = {key: torch.zeros(3, dtype=torch.int64) for key in ("label", "site", "target", "anchor")}
    with pytest.raises(ValueError, match=r"must be \(N,\)"):
        SiteTargets(**parts | {name: torch.zeros(2)})


def test_the_mean_of_nothing_is_0_with_a_gradient() -> None:
    values = torch.tensor([1.0, torch.inf, 4.0], requires_grad=True)
    mean_of(values, torch.zeros(3, dtype=torch.bool)).backward()
    assert values.grad is not None and values.grad.tolist() == [0, 0, 0]
    assert mean_of(values, torch.tensor([True, False, True])).item() == 2.5
