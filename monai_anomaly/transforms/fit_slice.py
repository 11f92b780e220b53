# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import warnings
from collections.abc import Hashable, Mapping, Sequence

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import InvertibleTransform, MapTransform, ResizeWithPadOrCrop

from .check_image import file_of
from .foreground import background_constant, find_foreground

__all__ = ["FitSliceD", "FitSliceDict", "FitSliced"]


class FitSliced(MapTransform, InvertibleTransform):
    """Pad or crop slices, or every slice of a volume, to one in-plane size; MONAI's transform needs to be told the
    rank. Of whole volumes see `FitVolumed`.

    What is padded gets the constant that is around the subject, as a rule 0. Where a crop takes away more than 1 % of
    the first image's foreground (see `find_foreground`), a warning says so: a size that cuts the brain is a mistake
    which the results do not show.

    Args:
        keys: images (C, H, W) or (C, X, Y, Z).
        spatial_size: size of the first two spatial axes.
        allow_missing_keys: a missing entry is no error.

    Example::

        sample = {"image": torch.rand(4, 12, 14), "mask": torch.zeros(1, 12, 14)}
        sample = FitSliced(["image", "mask"], (16, 16))(sample)
        assert sample["image"].shape == (4, 16, 16) and sample["mask"].shape == (1, 16, 16)
    """

    backend = ResizeWithPadOrCrop.backend
    most_lost: float = 0.01

    def __init__(self, keys: KeysCollection, spatial_size: Sequence[int], allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.fit = {2: ResizeWithPadOrCrop(spatial_size), 3: ResizeWithPadOrCrop([*spatial_size, -1])}

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, torch.Tensor]:
        """Pad or crop, centered."""
        sample = dict(data)
        for key in self.key_iterator(sample):
            image = sample[key]
            sample[key] = self._fit(image)
            if key == self.keys[0]:
                self._warn_of_loss(image, sample[key])
        return sample

    def _fit(self, image: torch.Tensor) -> torch.Tensor:
        fit = self.fit[image.ndim - 1]
        around = [background_constant(c) for c in torch.as_tensor(image).detach().cpu().numpy()]
        if not any(around):
            return fit(image)
        level = torch.tensor(around, dtype=image.dtype, device=image.device).reshape(-1, *[1] * (image.ndim - 1))
        return fit(image - level) + level

    def _warn_of_loss(self, image: torch.Tensor, fitted: torch.Tensor) -> None:
        if all(size <= new for size, new in zip(image.shape[1:], fitted.shape[1:], strict=True)):
            return
        channels = torch.as_tensor(image).detach().cpu().numpy()
        inside = torch.from_numpy(np.any([find_foreground(c).inside for c in channels], axis=0)[None])
        lost = 1 - int(self.fit[image.ndim - 1](inside.float()).sum()) / max(1, int(inside.sum()))
        if lost > self.most_lost:
            warnings.warn(
                f"{file_of(image)}: {self._described(fitted.shape[1:])} hold {1 - lost:.0%} of the pixels above the "
                "background, the rest is cut off; set a larger spatial_size, or a larger pixdim",
                stacklevel=3,
            )

    def _described(self, size: Sequence[int]) -> str:
        return f"slices of {size[0]} x {size[1]} pixels"

    def inverse(self, data: Mapping[Hashable, MetaTensor]) -> dict[Hashable, MetaTensor]:
        """Back to the size before; what was cropped away is zero."""
        sample = dict(data)
        for key in self.key_iterator(sample):
            sample[key] = self.fit[sample[key].ndim - 1].inverse(sample[key])
        return sample


FitSliceD = FitSliceDict = FitSliced
