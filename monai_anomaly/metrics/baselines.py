# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..utils import DataError

__all__ = ["Baseline", "mean_healthy_image", "trivial_baselines"]

Baseline = Callable[[np.ndarray], np.ndarray]
"""Images (N, C, H, W) -> anomaly maps (N, 1, H, W)."""


def trivial_baselines(channel_names: Sequence[str], training_mean: np.ndarray | None = None) -> dict[str, Baseline]:
    """Anomaly maps that need no network; a method that does not beat them has shown nothing.

    Args:
        channel_names: name of every image channel; each is an anomaly map of its own ("bright is anomalous"), which on
            FLAIR rivals published networks (Meissen et al., "Challenging current semi-supervised anomaly segmentation
            methods for brain MRI", 2021).
        training_mean: mean healthy training image, (C, H, W); adds the map sum_c \\|x - mean\\|.

    Returns:
        Name -> baseline.
    """
    baselines: dict[str, Baseline] = {f"intensity {name}": partial(_channel, i) for i, name in enumerate(channel_names)}
    if training_mean is not None:
        baselines["distance to mean healthy"] = partial(_distance, np.asarray(training_mean, np.float32))
    return baselines


def _channel(index: int, images: np.ndarray) -> np.ndarray:
    return images[:, index : index + 1].astype(np.float32)


def _distance(mean: np.ndarray, images: np.ndarray) -> np.ndarray:
    if mean.shape != images.shape[1:]:
        raise DataError(f"Expected a mean training image of shape {images.shape[1:]}, found {mean.shape}.")
    return np.abs(images - mean).sum(1, keepdims=True, dtype=np.float32)


def mean_healthy_image(samples: Iterable[Mapping[str, Any]], image_key: str = "image", label_key: str = "label") -> Any:
    """Mean of the healthy (label 0) images of a training set.

    Args:
        samples: dictionaries with an image (C, H, W) and a class label, e.g. a MONAI dataset.
        image_key: key of the image.
        label_key: key of the label.

    Returns:
        Float32 array (C, H, W); None, with a warning, when no sample is healthy: a long training has ended when this
        is asked for, and the scores of the method do not depend on it.
    """
    total, count = None, 0
    for sample in samples:
        if int(sample[label_key]) == 0:
            image = np.asarray(sample[image_key], np.float64)
            total, count = image if total is None else total + image, count + 1
    if total is None:
        warnings.warn(
            "no training sample has label 0: the baseline of the mean healthy image is left out", stacklevel=2
        )
        return None
    return (total / count).astype(np.float32)
