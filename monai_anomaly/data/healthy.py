# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from torch.utils.data import Subset

from ..utils import DataError
from .slice_dataset import SliceDataset

__all__ = ["healthy_only"]


def healthy_only(dataset: SliceDataset, healthy: int = 0) -> Subset:
    """Leave only the healthy slices, for methods that learn what is normal (thesis ch. 4, scenario A).

    Args:
        dataset: labeled slices.
        healthy: the healthy class.

    Raises:
        DataError: when there is no healthy slice.
    """
    labels = dataset.labels
    indices = [i for i, label in enumerate(labels) if label == healthy]
    if not indices:
        raise DataError(f"expected slices with label {healthy}, found labels {sorted(set(labels))} only")
    return Subset(dataset, indices)
