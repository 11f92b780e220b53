# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest
import torch

from monai_anomaly.engines import NoisyPrepareBatch, NoisySitePrepareBatch
from monai_anomaly.utils import DataError


def batch(*sites: str) -> dict[str, Any]:
    return {"image": torch.rand(len(sites), 1, 4, 4), "label": torch.arange(len(sites)) % 2, "site": list(sites)}


def test_sites_come_beside_the_class_and_nothing_else_changes() -> None:
    given = batch("B", "A", "new")
    x, noisy, _, arguments = NoisySitePrepareBatch(["A", "B"], "A", max_level=300, seed=1)(given)
    plain_x, plain, _, plain_arguments = NoisyPrepareBatch(max_level=300, seed=1)(given)
    assert torch.equal(x, plain_x) and torch.equal(noisy.level, plain.level)
    assert arguments.keys() == plain_arguments.keys()
    assert {name: value.tolist() for name, value in noisy.targets.items()} == {
        "label": [0, 1, 0],
        "site": [1, 0, -1],
        "target": [False, True, False],
    }


def test_anchors_are_noisy_images_like_the_others() -> None:
    x, noisy, _, arguments = NoisySitePrepareBatch(["A", "B"], "A", anchors=2)(batch("B", "B", "A", "A"))
    assert noisy.targets["anchor"].tolist() == [False, False, True, True]
    assert len(x) == len(arguments["timesteps"]) == 4


def test_a_batch_that_does_not_end_with_the_target_domain() -> None:
    with pytest.raises(DataError, match="expected batches that end with 2 images of the target domain"):
        NoisySitePrepareBatch(["A", "B"], "A", anchors=2)(batch("B", "B", "A"))
