# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, Transform
from monai.utils import TransformBackends, convert_to_dst_type

from ..utils import DataError
from .check_image import check_same_grid, file_of

__all__ = ["DesiredMask", "DesiredMaskD", "DesiredMaskDict", "DesiredMaskd"]


class DesiredMask(Transform):
    """Check a mask that says where a lesion is to be put into an image, or cut it to the brain.

    A network told to put a lesion outside of the head, or nowhere, gives an image all the same; nothing in it would
    show the mistake.

    Args:
        background: pixels of the image above this value, in any channel, are brain.
        inside: least share of the mask that must lie in the brain; with ``cut`` it is not asked for.
        cut: take away what lies outside of the brain, as of the mask of another person.
        least: pixels or voxels in the brain that must be in the mask.
        slice_range: first and one past the last slice along the last axis of a volume that are translated; the others
            count as outside of the brain. None: all are.

    Raises:
        DataError: the mask is on another grid, empty, outside of the brain or too small in it; names the file, what was
            expected and what was found.
    """

    backend = [TransformBackends.TORCH]

    def __init__(
        self,
        background: float = 0.0,
        inside: float = 0.9,
        cut: bool = False,
        least: int = 1,
        slice_range: Sequence[int] | None = None,
    ) -> None:
        self.background = background
        self.inside = inside
        self.cut = cut
        self.least = least
        self.slice_range = slice_range

    def __call__(self, mask: torch.Tensor, image: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        """Return the mask (K, ...), unchanged or cut.

        Args:
            mask: (K, ...), lesion above 0.
            image: (C, ...), where the brain is.
        """
        check_same_grid(image, mask)
        brain = (torch.as_tensor(image) > self.background).any(0)
        slices = ""
        if self.slice_range is not None and brain.ndim == 3:
            first, stop = self.slice_range
            brain[..., :first] = brain[..., stop:] = False
            slices = f", slices {first} to {stop - 1}"
        lesion = (torch.as_tensor(mask) > 0).any(0)
        whole, within = int(lesion.sum()), int((lesion & brain).sum())
        if not whole:
            raise DataError(f"{file_of(mask)}: expected a mask of what is to be put in, found nothing in it")
        if not self.cut and within < self.inside * whole:
            raise DataError(
                f"{file_of(mask)}: expected at least {self.inside:.0%} of the mask in the brain of "
                f"{file_of(image)}{slices}, found {within / whole:.0%}"
            )
        if within < self.least:
            raise DataError(
                f"{file_of(mask)}: expected at least {self.least} pixels or voxels of the mask in the brain of "
                f"{file_of(image)}{slices}, found {within}"
            )
        if not self.cut:
            return mask
        return convert_to_dst_type(torch.as_tensor(mask) * brain, dst=mask, dtype=mask.dtype)[0]


class DesiredMaskd(MapTransform):
    """Check the masks in a sample that say where a lesion is to be put, or cut them; see :class:`DesiredMask`.

    Args:
        keys: masks, e.g. ``"target_mask"``.
        image_key: the image that it is to be put into.
        background: pixels of the image above this value, in any channel, are brain.
        inside: least share of a mask that must lie in the brain.
        cut: take away what lies outside of the brain instead.
        least: pixels or voxels in the brain that must be in a mask.
        slice_range: slices of a volume that are translated.
        allow_missing_keys: a missing mask is no error.

    Raises:
        DataError: a mask is on another grid, empty, outside of the brain or too small in it.

    Example::

        sample = {"image": torch.ones(4, 8, 8), "target_mask": torch.zeros(1, 8, 8)}
        sample["image"][:, 4:], sample["target_mask"][:, 3:5] = 0, 1
        assert DesiredMaskd("target_mask", cut=True)(sample)["target_mask"].sum() == 8
    """

    backend = DesiredMask.backend

    def __init__(
        self,
        keys: KeysCollection,
        image_key: str = "image",
        background: float = 0.0,
        inside: float = 0.9,
        cut: bool = False,
        least: int = 1,
        slice_range: Sequence[int] | None = None,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.image_key = image_key
        self.check = DesiredMask(background, inside, cut, least, slice_range)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Check the masks of a sample."""
        d = dict(data)
        for key in self.key_iterator(d):
            d[key] = self.check(d[key], d[self.image_key])
        return d


DesiredMaskD = DesiredMaskDict = DesiredMaskd
