# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection, NdarrayOrTensor
from monai.data import MetaTensor
from monai.transforms import MapTransform, Transform
from monai.utils import TransformBackends, convert_to_dst_type, convert_to_tensor

from ..metrics import otsu_threshold

__all__ = ["OtsuThreshold", "OtsuThresholdD", "OtsuThresholdDict", "OtsuThresholdd"]


class OtsuThreshold(Transform):
    """Binary mask of one anomaly map by its own Otsu threshold, as in the published code of thesis ch. 7.

    The threshold is kept in the metadata of a ``MetaTensor`` as ``meta["otsu_threshold"]``.

    Args:
        bins: number of histogram bins.
    """

    backend = [TransformBackends.TORCH]

    def __init__(self, bins: int = 256) -> None:
        self.bins = bins

    def __call__(self, img: NdarrayOrTensor) -> NdarrayOrTensor:
        """
        Args:
            img: anomaly map, any shape; one threshold for all of it.

        Returns:
            Mask of the same shape and dtype, 1 where the map exceeds the threshold, else 0.
        """
        values = convert_to_tensor(img, track_meta=False)
        threshold = otsu_threshold(values, self.bins)
        # compared in float64, as the threshold was found
        mask = (values.to(torch.float64) > threshold).to(values.dtype)
        out = convert_to_dst_type(mask, img, dtype=img.dtype)[0]
        if isinstance(out, MetaTensor):
            out.meta["otsu_threshold"] = threshold
        return out


class OtsuThresholdd(MapTransform):
    """Dictionary version of :py:class:`OtsuThreshold`.

    Args:
        keys: keys of the maps.
        bins: number of histogram bins.
        allow_missing_keys: do not raise when a key is missing.
    """

    backend = OtsuThreshold.backend

    def __init__(self, keys: KeysCollection, bins: int = 256, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.converter = OtsuThreshold(bins)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        d = dict(data)
        for key in self.key_iterator(d):
            d[key] = self.converter(d[key])
        return d


OtsuThresholdD = OtsuThresholdDict = OtsuThresholdd
