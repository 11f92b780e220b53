# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

import pytest
import torch

from monai_anomaly.data import SliceDataset, TargetSweep
from monai_anomaly.utils import DataError


def slices(diseased: int = 3, **options: int) -> SliceDataset:
    """Six slices, the first ones diseased, with as many lesion pixels as their number says, from 2 on."""
    mask = torch.zeros(1, 4, 4, 6)
    for i in range(diseased):
        mask[0].flatten(0, 1)[: i + 2, i] = 1
    return SliceDataset([{"image": torch.rand(1, 4, 4, 6), "mask": mask, "subject": "a"}], progress=False, **options)


def test_every_diseased_image_meets_every_target() -> None:
    sweep = TargetSweep(slices(), [0, 0.1])
    seen = [(sweep[i]["slice"], round(sweep[i]["target_value"].item(), 6)) for i in range(len(sweep))]
    assert seen == [(s, v) for s in range(3) for v in (0.0, 0.1)]
    assert len(sweep.labels) == len(sweep) and set(sweep.labels) == {1}


def test_healthy_images_on_request() -> None:
    assert len(TargetSweep(slices(), [0.1], healthy=True)) == 6
    assert TargetSweep(slices(0), [0.1], healthy=True).labels == [0] * 6


def test_items_are_told_apart() -> None:
    sweep = TargetSweep(slices(), [0, 0.05, 0.1], step=2)
    names = {(sweep[i]["subject"], sweep[i]["slice"], sweep[i]["pair"]) for i in range(len(sweep))}
    assert len(names) == len(sweep) == 6


@pytest.mark.parametrize("values", [[math.nan], ["big"], []])
def test_targets_must_be_numbers(values: list) -> None:
    with pytest.raises(DataError, match="target_value"):
        TargetSweep(slices(), values)


def test_healthy_images_alone_are_refused() -> None:
    with pytest.raises(DataError, match="expected diseased images"):
        TargetSweep(slices(0), [0.1])


def test_pairs_in_which_nothing_changes_are_dropped() -> None:
    empty = torch.zeros(1, 4, 4, 3)
    target_mask = empty.clone()
    target_mask[0, 0, :, 1] = 1
    pair = {"image": torch.rand(1, 4, 4, 3), "mask": empty, "target": torch.rand(1, 4, 4, 3)}
    dataset = SliceDataset([{**pair, "target_mask": target_mask}], progress=False, min_lesion_pixels=4)
    assert [dataset[i]["slice"] for i in range(len(dataset))] == [1] and dataset.labels == [0]
