# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import InvertibleTransform, MapTransform, ResizeWithPadOrCrop

__all__ = ["FitSliceD", "FitSliceDict", "FitSliced"]


class FitSliced(MapTransform, InvertibleTransform):
    """Pad or crop slices, or every slice of a volume, to one in-plane size; MONAI's transform needs to be told the
    rank.

    Args:
        keys: images (C, H, W) or (C, X, Y, Z).
        spatial_size: size of the first two spatial axes.
        allow_missing_keys: a missing entry is no error.
    """

    backend = ResizeWithPadOrCrop.backend

    def __init__(self, keys: KeysCollection, spatial_size: Sequence[int], allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.fit = {2: ResizeWithPadOrCrop(spatial_size), 3: ResizeWithPadOrCrop([*spatial_size, -1])}

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, torch.Tensor]:
        """Pad or crop, centred."""
        sample = dict(data)
        for key in self.key_iterator(sample):
            sample[key] = self.fit[sample[key].ndim - 1](sample[key])
        return sample

    def inverse(self, data: Mapping[Hashable, MetaTensor]) -> dict[Hashable, MetaTensor]:
        """Back to the size before; what was cropped away is zero."""
        sample = dict(data)
        for key in self.key_iterator(sample):
            sample[key] = self.fit[sample[key].ndim - 1].inverse(sample[key])
        return sample


FitSliceD = FitSliceDict = FitSliced
