# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import warnings
from collections.abc import Hashable, Mapping, Sequence

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import InvertibleTransform, MapTransform, ResizeWithPadOrCrop

from .check_image import file_of

__all__ = ["FitSliceD", "FitSliceDict", "FitSliced"]


class FitSliced(MapTransform, InvertibleTransform):
    """Pad or crop slices, or every slice of a volume, to one in-plane size; MONAI's transform needs to be told the
    rank.

    Where a crop takes away more than 1 % of the first image's pixels above 0, a warning says so: a size that cuts the
    brain is a mistake which the results do not show.

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
            image = sample[key]
            sample[key] = self.fit[image.ndim - 1](image)
            if key == self.keys[0]:
                self._warn_of_loss(image, sample[key])
        return sample

    @staticmethod
    def _warn_of_loss(image: torch.Tensor, fitted: torch.Tensor) -> None:
        if image.shape[1] <= fitted.shape[1] and image.shape[2] <= fitted.shape[2]:
            return
        whole, kept = (int((v > 0).any(0).sum()) for v in (image, fitted))
        lost = 1 - kept / max(1, whole)
        if lost > 0.01:
            size = " x ".join(str(n) for n in fitted.shape[1:3])
            warnings.warn(
                f"{file_of(image)}: slices of {size} pixels hold {1 - lost:.0%} of the pixels above the background, the"
                " rest is cut off; set a larger spatial_size, or a larger pixdim",
                stacklevel=3,
            )

    def inverse(self, data: Mapping[Hashable, MetaTensor]) -> dict[Hashable, MetaTensor]:
        """Back to the size before; what was cropped away is zero."""
        sample = dict(data)
        for key in self.key_iterator(sample):
            sample[key] = self.fit[sample[key].ndim - 1].inverse(sample[key])
        return sample


FitSliceD = FitSliceDict = FitSliced
