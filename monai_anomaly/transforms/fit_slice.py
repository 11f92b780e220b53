# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import warnings
from collections.abc import Hashable, Mapping, Sequence
from typing import cast

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import InvertibleTransform, MapTransform, Resize, ResizeWithPadOrCrop
from monai.utils import TraceKeys, look_up_option
from torch.nn import functional as F

from ..utils import lacks_spacing
from .check_image import MASKS, file_of
from .foreground import background_constant, find_foreground

__all__ = ["FitSliceD", "FitSliceDict", "FitSliced"]


class FitSliced(MapTransform, InvertibleTransform):
    """Bring slices, or every slice of a volume, to one in-plane size. Of whole volumes see `FitVolumed`.

    Images with a voxel size are padded or cropped, so that a millimeter stays one. A 2D image whose file knows none
    (PNG, JPEG, BMP, TIFF, NumPy) is resized to the largest size of its shape that fits in and then padded: images
    by the mean of the pixels they shrink to, linearly when they grow; a pixel of a mask becomes the label that fills
    most of it, so that it lies where the image does.

    What is padded gets the constant that is around the subject, as a rule 0; of masks 0. Where a crop
    takes away more than 1 % of the first image's foreground (see `find_foreground`), a warning says so: a size that
    cuts the brain is a mistake which the results do not show.

    Args:
        keys: images (C, H, W) or (C, X, Y, Z).
        spatial_size: size of the first two spatial axes.
        fit: ``"resize"``, or ``"crop"``: also images without a voxel size are padded or cropped.
        allow_missing_keys: a missing entry is no error.

    Example::

        sample = {"image": torch.rand(4, 12, 14), "mask": torch.zeros(1, 12, 14)}
        sample = FitSliced(["image", "mask"], (16, 16))(sample)
        assert sample["image"].shape == (4, 16, 16) and sample["mask"].shape == (1, 16, 16)
    """

    backend = ResizeWithPadOrCrop.backend
    most_lost: float = 0.01

    def __init__(
        self, keys: KeysCollection, spatial_size: Sequence[int], fit: str = "resize", allow_missing_keys: bool = False
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.spatial_size = tuple(spatial_size)
        self.fit = look_up_option(fit, ("resize", "crop"))
        self.pad_or_crop = {2: ResizeWithPadOrCrop(spatial_size), 3: ResizeWithPadOrCrop([*spatial_size, -1])}

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, torch.Tensor]:
        """Resize, pad or crop, centered."""
        sample = dict(data)
        for key in self.key_iterator(sample):
            image = self._resize(sample[key], key in MASKS)
            sample[key] = self._pad_or_crop(image, key in MASKS)
            if key == self.keys[0]:
                self._warn_of_loss(image, sample[key])
        return sample

    def _resize(self, image: torch.Tensor, mask: bool) -> torch.Tensor:
        if self.fit == "crop" or not lacks_spacing(image):
            return image
        shape = image.shape[1:]
        zoom = min(new / old for old, new in zip(shape, self.spatial_size, strict=True))
        size = [max(1, round(zoom * n)) for n in shape]
        if tuple(size) == tuple(shape):
            return image
        if mask:
            return _shrunk_mask(image, size) if zoom < 1 else Resize(size, mode="nearest-exact")(image)
        return cast(torch.Tensor, Resize(size, mode="area" if zoom < 1 else "bilinear")(image))

    def _pad_or_crop(self, image: torch.Tensor, mask: bool) -> torch.Tensor:
        fit = self.pad_or_crop[image.ndim - 1]
        if mask:
            return fit(image)
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
        lost = 1 - int(self.pad_or_crop[image.ndim - 1](inside.float()).sum()) / max(1, int(inside.sum()))
        if lost > self.most_lost:
            warnings.warn(
                f"{file_of(image)}: {self._described(fitted.shape[1:])} hold {1 - lost:.0%} of the pixels above the "
                "background, the rest is cut off; set a larger spatial_size, or a larger pixdim",
                stacklevel=3,
            )

    def _described(self, size: Sequence[int]) -> str:
        return f"slices of {size[0]} x {size[1]} pixels"

    def inverse(self, data: Mapping[Hashable, MetaTensor]) -> dict[Hashable, MetaTensor]:
        """Back to the size before, linearly, masks by the nearest neighbor; what was cropped away is zero."""
        sample = dict(data)
        for key in self.key_iterator(sample):
            image = self.pad_or_crop[sample[key].ndim - 1].inverse(sample[key])
            last = image.applied_operations[-1:]
            sample[key] = _resized_back(image) if last and last[0]["class"] == Resize.__name__ else image
        return sample


def _shrunk_mask(mask: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    """Each pixel the label that fills most of it; "nearest" takes a corner of each block, 1.5 pixels off at 4 to 1."""
    resized = cast(torch.Tensor, Resize(size, mode="nearest-exact")(mask))
    values = mask.detach().as_subclass(torch.Tensor)
    labels = values.unique()
    shares = [F.interpolate((values == label).float()[None], tuple(size), mode="area")[0] for label in labels]
    resized.as_subclass(torch.Tensor).copy_(labels[torch.stack(shares).argmax(0)])
    return resized


def _resized_back(image: MetaTensor) -> MetaTensor:
    resize = Resize(image.shape[1:])
    done = resize.pop_transform(image, check=False)  # by another object, for each size its own
    mode = done[TraceKeys.EXTRA_INFO]["mode"]
    # "area" would give blocks; "nearest" is what MONAI's Invertd asks for, a little off its place
    done[TraceKeys.EXTRA_INFO]["mode"] = {"area": "bilinear", "nearest": "nearest-exact"}.get(mode, mode)
    return cast(MetaTensor, resize.inverse_transform(image, done))


FitSliceD = FitSliceDict = FitSliced
