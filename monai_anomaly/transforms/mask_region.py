# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform
from monai.utils import TransformBackends, convert_to_dst_type
from torch.nn import functional as F

__all__ = ["MaskRegionD", "MaskRegionDict", "MaskRegiond"]


class MaskRegiond(MapTransform):
    """Add the region around a mask in which a guide may act: the mask with some pixels more on all sides.

    It is widened within the slices (the first two spatial axes): a slice without a pixel of the mask stays empty, and
    what is translated slice by slice is left alone there.

    Args:
        keys: masks (K, X, Y) or (K, X, Y, Z), lesion above 0.
        output_key: where the region goes, (1, ...) of 0 and 1.
        margin: pixels around the mask, 0 or more.
        allow_missing_keys: a missing mask is no error, and has no region.

    Raises:
        ValueError: when the margin is negative.

    Example::

        sample = {"target_mask": torch.zeros(1, 8, 8, 3)}
        sample["target_mask"][0, 4, 4, 1] = 1
        region = MaskRegiond("target_mask", margin=2)(sample)["target_region"]
        assert region.sum((0, 1, 2)).tolist() == [0, 25, 0]
    """

    backend = [TransformBackends.TORCH]

    def __init__(
        self,
        keys: KeysCollection,
        output_key: str = "target_region",
        margin: int = 4,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        if margin < 0:
            raise ValueError(f"margin must not be negative, got {margin}")
        self.output_key = output_key
        self.margin = margin

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Add the regions of a sample."""
        d = dict(data)
        for key in self.key_iterator(d):
            mask = torch.as_tensor(d[key]).as_subclass(torch.Tensor)
            lesion = (mask > 0).any(0, keepdim=True).float()
            slices = lesion[..., None] if lesion.ndim == 3 else lesion
            window = (2 * self.margin + 1, 2 * self.margin + 1, 1)
            wide = F.max_pool3d(slices[None], window, stride=1, padding=(self.margin, self.margin, 0))[0]
            d[self.output_key] = convert_to_dst_type(wide.reshape(lesion.shape), dst=d[key], dtype=torch.float32)[0]
        return d


MaskRegionD = MaskRegionDict = MaskRegiond
