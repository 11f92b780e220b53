# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch

from monai_anomaly.data import SliceDataset, healthy_only
from monai_anomaly.utils import DataError


def dataset(*labels: int) -> SliceDataset:
    data = [{"image": torch.full((1, 4, 4), float(i + 1)), "label": k} for i, k in enumerate(labels)]
    return SliceDataset(data, progress=False)


def test_only_healthy_slices_are_left() -> None:
    subset = healthy_only(dataset(0, 1, 1, 0))
    assert [item["label"] for item in subset] == [0, 0]
    assert [item["image"].max().item() for item in subset] == [1, 4]


def test_none_healthy() -> None:
    with pytest.raises(DataError, match=r"label 0, found labels \[1\]"):
        healthy_only(dataset(1, 1))
