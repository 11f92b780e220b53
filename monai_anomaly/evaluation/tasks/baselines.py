# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ...metrics.thresholds import best_dice_threshold
from ...utils import DataError
from ..schema import Field, as_array
from ..task import unique

__all__ = [
    "MEAN_HEALTHY",
    "Baseline",
    "ChannelThreshold",
    "best_channel_threshold",
    "intensity_maps",
    "mean_healthy_image",
    "most_frequent_class",
]

MEAN_HEALTHY = "distance to mean healthy"
LABEL = Field("label", "label")
Baseline = Callable[[np.ndarray], np.ndarray]
"""Images (N, C, H, W) -> anomaly maps (N, 1, H, W)."""


def intensity_maps(channel_names: Sequence[str], training_mean: np.ndarray | None = None) -> dict[str, Baseline]:
    """Anomaly maps that need no network; a method that does not beat them has shown nothing.

    Args:
        channel_names: name of every image channel; each is an anomaly map of its own ("bright is anomalous"), which on
            FLAIR rivals published networks (Meissen et al., "Challenging current semi-supervised anomaly segmentation
            methods for brain MRI", 2021).
        training_mean: mean healthy training image, (C, H, W); adds the map sum_c \\|x - mean\\|.

    Returns:
        Name -> baseline.

    Raises:
        DataError: when two channels have the same name.
    """
    channels = unique("channel", ((name, i) for i, name in enumerate(channel_names)))
    baselines: dict[str, Baseline] = {f"intensity {name}": partial(_channel, i) for name, i in channels.items()}
    if training_mean is not None:
        baselines[MEAN_HEALTHY] = partial(_distance, np.asarray(training_mean, np.float32))
    return baselines


def _channel(index: int, images: np.ndarray) -> np.ndarray:
    return images[:, index : index + 1].astype(np.float32)


def _distance(mean: np.ndarray, images: np.ndarray) -> np.ndarray:
    if mean.shape != images.shape[1:]:
        raise DataError(f"Expected a mean training image of shape {images.shape[1:]}, found {mean.shape}.")
    return np.abs(images - mean).sum(1, keepdims=True, dtype=np.float32)


def mean_healthy_image(samples: Iterable[Mapping[str, Any]]) -> np.ndarray | None:
    """Mean of the healthy (label 0) images of a training set.

    Args:
        samples: dictionaries with an ``image`` (C, H, W) and a ``label``, e.g. a MONAI dataset.

    Returns:
        Float32 array (C, H, W); None, with a warning, when no sample is healthy: a long training has ended when this
        is asked for, and the scores of the method do not depend on it.
    """
    total, count = None, 0
    for sample in samples:
        if LABEL.keep(sample["label"]) == 0:
            image = np.asarray(sample["image"], np.float64)
            total, count = image if total is None else total + image, count + 1
    if total is None:
        warnings.warn(
            "no training sample has label 0: the baseline of the mean healthy image is left out", stacklevel=2
        )
        return None
    return (total / count).astype(np.float32)


def most_frequent_class(samples: Iterable[Mapping[str, Any]], count: int) -> int | None:
    """The class that most of a training set has.

    Args:
        samples: dictionaries with a ``label``; -1 is unknown.
        count: of the classes.

    Returns:
        Its number; None, with a warning, where no label is known, see :py:func:`mean_healthy_image`.

    Raises:
        DataError: when a label is none of a class.
    """
    labels = [label for sample in samples if (label := LABEL.keep(sample["label"])) >= 0]
    if not labels:
        warnings.warn("no training sample has a known label: the most frequent class is left out", stacklevel=2)
        return None
    if max(labels) >= count:
        raise DataError(f"Expected labels of the training set below {count}, found {max(labels)}.")
    return int(np.bincount(labels).argmax())


@dataclass(frozen=True)
class ChannelThreshold:
    """The trivial segmentation: what is brighter than a threshold in one channel.

    Args:
        channel: index of the channel.
        value: pixels above it are lesion.
        dice: mean Dice over the cases it was chosen on.
    """

    channel: int
    value: float
    dice: float

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Images (N, C, H, W) -> masks (N, H, W)."""
        return images[:, self.channel].astype(np.float32) > np.float64(self.value)


def best_channel_threshold(samples: Iterable[Mapping[str, Any]]) -> list[ChannelThreshold | None]:
    """Of every region the channel and threshold with the highest mean Dice over the samples with a lesion.

    Args:
        samples: cases, or dictionaries with ``image`` (C, H, W) and ``mask`` (K, H, W), e.g. a MONAI dataset: choosing
            a threshold needs no prediction.

    Returns:
        One per region, None where no sample has it; nothing where there is no lesion at all.
    """
    pairs: Any = ((as_array(sample["image"]), as_array(sample["mask"])) for sample in samples)
    kept = [(image, mask > 0) for image, mask in pairs if (mask > 0).any()]
    if not kept:
        return []
    images, masks = (np.stack(values) for values in zip(*kept, strict=True))
    return [_best_channel(images, masks[:, k]) if masks[:, k].any() else None for k in range(masks.shape[1])]


def _best_channel(images: np.ndarray, masks: np.ndarray) -> ChannelThreshold:
    found = [best_dice_threshold(images[:, c], masks) for c in range(images.shape[1])]
    channel = max(range(len(found)), key=lambda c: found[c][1])
    return ChannelThreshold(channel, *found[channel])
