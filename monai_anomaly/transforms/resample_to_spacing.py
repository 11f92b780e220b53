# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import cast

import torch
from monai.config import KeysCollection
from monai.transforms import InvertibleTransform, MapTransform, Spacing
from monai.utils import ensure_tuple_rep

from ..utils import DataError, lacks_spacing, voxel_size
from .check_image import file_of

__all__ = ["ResampleToSpacingD", "ResampleToSpacingDict", "ResampleToSpacingd"]

_MOST = 2**30  # voxels: 4 GiB per channel


class ResampleToSpacingd(MapTransform, InvertibleTransform):
    """Resample images to a voxel size, and touch nothing else in the sample; a 2D image whose file knows no voxel size
    stays as it is, see `FitSliced`.

    MONAI 1.6.1's ``Spacingd`` also calls ``update`` on every entry named ``<key>_*``, which fails on the ``image_path``
    that MONAI Label puts into its samples. The work is done by :class:`monai.transforms.Spacing`.

    Args:
        keys: images of shape (C, spatial...).
        pixdim: voxel size [mm] along each axis of the array; 0 or a negative number keeps the size of that axis.
        mode: interpolation, one for all keys or one per key: ``"bilinear"`` for images, ``"nearest"`` for masks.
        padding_mode: what lies outside, one for all keys or one per key.
        allow_missing_keys: skip keys a sample does not have.

    Raises:
        DataError: when the result would be too large for a memory, or a single voxel along an axis.

    Example::

        image = MetaTensor(torch.rand(1, 8, 8, 8), affine=torch.diag(torch.tensor([2.0, 2, 2, 1])))
        sample = ResampleToSpacingd("image", pixdim=(1, 1, -1))({"image": image})
        assert sample["image"].shape[1:3] == (15, 15)
    """

    backend = Spacing.backend

    def __init__(
        self,
        keys: KeysCollection,
        pixdim: Sequence[float] | float,
        mode: Sequence[str] | str = "bilinear",
        padding_mode: Sequence[str] | str = "border",
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.spacing = Spacing(pixdim)
        self.mode = ensure_tuple_rep(mode, len(self.keys))
        self.padding_mode = ensure_tuple_rep(padding_mode, len(self.keys))

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, torch.Tensor]:
        """Resample the images of a sample."""
        d = dict(data)
        for key, mode, padding_mode in self.key_iterator(d, self.mode, self.padding_mode):
            if lacks_spacing(d[key]):
                continue
            self._check_size(d[key])
            d[key] = self.spacing(d[key], mode=mode, padding_mode=padding_mode)
        return d

    def _check_size(self, image: torch.Tensor) -> None:
        shape = tuple(image.shape[1:])
        size = voxel_size(getattr(image, "affine", torch.eye(len(shape) + 1)))[: len(shape)]
        wanted = [*self.spacing.pixdim, *[self.spacing.pixdim[-1]] * len(shape)]  # as MONAI completes it
        target = [p if p > 0 else s for p, s in zip(wanted, size, strict=False)]
        found = [max(1, round(n * s / t)) for n, s, t in zip(shape, size, target, strict=True)]
        if math.prod(found) > _MOST or any(new < 2 < old for new, old in zip(found, shape, strict=True)):
            found_size, target_size = (" x ".join(f"{v:.3g}" for v in sizes) for sizes in (size, target))
            raise DataError(
                f"{file_of(image)}: expected an image that can be resampled to voxels of {target_size} mm, found voxels"
                f" of {found_size} mm, which would make it {' x '.join(map(str, found))}; are its voxel sizes in mm?"
            )

    def inverse(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, torch.Tensor]:
        """Resample back to the original grid."""
        d = dict(data)
        for key in self.key_iterator(d):
            if not lacks_spacing(d[key]):
                d[key] = self.spacing.inverse(cast(torch.Tensor, d[key]))
        return d


ResampleToSpacingD = ResampleToSpacingDict = ResampleToSpacingd
