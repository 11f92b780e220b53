# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform
from monai.utils import TransformBackends

from ..utils import split_prediction

__all__ = ["SplitSegmentationD", "SplitSegmentationDict", "SplitSegmentationd"]


class SplitSegmentationd(MapTransform):
    """Split a segmentation inferer's stacked prediction into entries of the sample.

    The prediction is (K (3 + n), ...) for K regions: ``mean``, ``variance`` and ``entropy`` (K, ...) of the samples,
    then, where they were kept, the n samples themselves, ``samples`` (n K, ...), sample by sample.

    Args:
        keys: the prediction.
        regions: K.

    Raises:
        ValueError: when there is no region.
    """

    backend = [TransformBackends.TORCH]

    def __init__(self, keys: KeysCollection, regions: int = 1) -> None:
        super().__init__(keys)
        if regions < 1:
            raise ValueError(f"regions must be at least 1, got {regions}")
        self.regions = regions

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, Any]:
        """Add the entries.

        Raises:
            ValueError: when the prediction has too few channels, or not a multiple of K.
        """
        sample = dict(data)
        for key in self.key_iterator(sample):
            try:
                sample.update(split_prediction(sample[key], self.regions))
            except ValueError as error:
                raise ValueError(f"'{key}': {error}") from error
        return sample


SplitSegmentationD = SplitSegmentationDict = SplitSegmentationd
