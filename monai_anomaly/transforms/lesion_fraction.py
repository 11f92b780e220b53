# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, Transform
from monai.utils import TransformBackends, ensure_tuple, ensure_tuple_rep

from ..utils import DataError
from .check_image import file_of

__all__ = ["LesionFraction", "LesionFractionD", "LesionFractionDict", "LesionFractiond"]


class LesionFraction(Transform):
    """Relative size of a lesion in a slice or volume: its area over that of the brain (thesis ch. 8, BraTS 2020).

    Args:
        labels: what of the mask counts: values of a mask with one channel, numbers of the channels (from 0) of a mask
            with several; None: all that is above 0.
        background: pixels of the image above this value, in any channel, are brain.

    Raises:
        DataError: the image has no brain, the mask is on another grid or lacks a channel that counts.
    """

    backend = [TransformBackends.TORCH]

    def __init__(self, labels: Sequence[int] | int | None = None, background: float = 0.0) -> None:
        self.labels = None if labels is None else ensure_tuple(labels)
        self.background = background

    def __call__(self, mask: torch.Tensor, image: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        """Return a tensor (1,), float32, from 0 to 1: the share of the brain's pixels that are lesion.

        Args:
            mask: (K, ...), lesion above 0.
            image: (C, ...), where the brain is.
        """
        if mask.shape[1:] != image.shape[1:]:
            raise DataError(
                f"{file_of(mask)}: expected the spatial shape {tuple(image.shape[1:])} of the image, "
                f"found {tuple(mask.shape[1:])}"
            )
        brain = (torch.as_tensor(image) > self.background).any(0)
        lesion = self._lesion(mask) & brain
        area = brain.sum()
        if not area:
            raise DataError(f"{file_of(image)}: expected brain, found no value above {self.background:g}")
        return (lesion.sum() / area).reshape(1).float().as_subclass(torch.Tensor)

    def _lesion(self, mask: torch.Tensor) -> torch.Tensor:
        mask = torch.as_tensor(mask)
        if self.labels is None:
            return (mask > 0).any(0)
        if len(mask) == 1:
            return torch.isin(mask[0], torch.tensor(self.labels, dtype=mask.dtype, device=mask.device))
        if not 0 <= min(self.labels) <= max(self.labels) < len(mask):
            raise DataError(f"{file_of(mask)}: expected the channels {self.labels} of the mask, found {len(mask)}")
        return (mask[list(self.labels)] > 0).any(0)


class LesionFractiond(MapTransform):
    """Put the relative size of a lesion into a sample; see :class:`LesionFraction`.

    Args:
        keys: masks, e.g. ``"mask"``.
        image_keys: where the brain is seen, one for all masks or one per mask.
        output_keys: entries for the sizes, one per mask.
        labels: what of a mask counts; None: all that is above 0.
        background: pixels of the image above this value, in any channel, are brain.
        allow_missing_keys: a missing mask is no error, and has no size.

    Raises:
        DataError: the image has no brain, a mask is on another grid or lacks a channel that counts.

    Example::

        sample = {"image": torch.ones(4, 8, 8), "mask": torch.zeros(1, 8, 8)}
        sample["mask"][0, :4, :4] = 1
        assert LesionFractiond("mask", background=-1)(sample)["size"].tolist() == [0.25]
    """

    backend = LesionFraction.backend

    def __init__(
        self,
        keys: KeysCollection,
        image_keys: Sequence[str] | str = "image",
        output_keys: Sequence[str] | str = "size",
        labels: Sequence[int] | int | None = None,
        background: float = 0.0,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.image_keys = ensure_tuple_rep(image_keys, len(self.keys))
        self.output_keys = ensure_tuple(output_keys)
        if len(self.output_keys) != len(self.keys):
            raise ValueError(f"expected one output key for each of {self.keys}, found {self.output_keys}")
        self.fraction = LesionFraction(labels, background)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Measure the masks of a sample."""
        d = dict(data)
        for key, image, output in self.key_iterator(d, self.image_keys, self.output_keys):
            d[output] = self.fraction(d[key], d[image])
        return d


LesionFractionD = LesionFractionDict = LesionFractiond
