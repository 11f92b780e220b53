# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..slice_cases import as_array
from ..thresholds import best_dice_threshold
from .cases import SegmentationCases

__all__ = ["ChannelThreshold", "best_channel_threshold", "lesion_slices"]


@dataclass(frozen=True)
class ChannelThreshold:
    """The trivial segmentation: what is brighter than a threshold in one channel.

    Args:
        channel: index of the channel.
        value: pixels above it are lesion.
        dice: mean Dice over the slices it was chosen on.
    """

    channel: int
    value: float
    dice: float

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Images (N, C, H, W) -> masks (N, H, W)."""
        return images[:, self.channel].astype(np.float32) > np.float64(self.value)


def lesion_slices(slices: SegmentationCases | Iterable[Mapping[str, Any]]) -> tuple[np.ndarray, np.ndarray] | None:
    """Images (N, C, H, W) and masks (N, K, H, W) of the slices that have a lesion; None when there are none.

    Args:
        slices: a set that was collected, or dictionaries with ``image`` and ``mask``, e.g. a MONAI dataset: choosing
            a threshold needs no prediction.
    """
    pairs: Iterable[Any] = ((as_array(item["image"]), as_array(item["mask"])) for item in _items(slices))
    kept = [(image, mask > 0) for image, mask in pairs if (mask > 0).any()]
    return (np.stack([image for image, _ in kept]), np.stack([mask for _, mask in kept])) if kept else None


def _items(slices: SegmentationCases | Iterable[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
    if not isinstance(slices, SegmentationCases):
        return slices
    return ({key: slices[key][i] for key in ("image", "mask")} for i in range(len(slices)))


def best_channel_threshold(images: np.ndarray, masks: np.ndarray) -> ChannelThreshold:
    """The channel and threshold with the highest mean Dice over the slices with a lesion.

    Args:
        images: (N, C, H, W).
        masks: boolean, (N, H, W).

    Raises:
        DataError: when no slice has a lesion pixel.
    """
    found = [best_dice_threshold(images[:, c], masks) for c in range(images.shape[1])]
    channel = max(range(len(found)), key=lambda c: found[c][1])
    return ChannelThreshold(channel, *found[channel])
