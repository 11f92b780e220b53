# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform
from monai.utils import TransformBackends, convert_to_tensor

__all__ = ["SplitTranslationD", "SplitTranslationDict", "SplitTranslationd"]


class SplitTranslationd(MapTransform):
    """Split an inferer's stacked prediction into the entries ``map`` and ``healthy`` of the sample.

    The prediction is (S (1 + C), ...): for each of S gradient scales the map and the reconstruction, which is put in
    [0, 1] as a share of the intensity range. With several scales the entries of the second one are ``map_1`` and
    ``healthy_1``, and so on.

    On request also ``difference``, reconstruction - image (C, ...), a share of the range with its sign: what the
    disease took away is positive (thesis ch. 6, d = a_h - r_c).

    Args:
        keys: the prediction.
        channels: C, the number of image channels.
        intensity_range: what the images were scaled to.
        image_key: the input image, put in [0, 1] likewise; None leaves it alone.
        difference: whether to add the difference to the input image.

    Raises:
        ValueError: when the difference is wanted without an ``image_key``.
    """

    backend = [TransformBackends.TORCH]

    def __init__(
        self,
        keys: KeysCollection,
        channels: int,
        intensity_range: Sequence[float] = (-1.0, 1.0),
        image_key: str | None = None,
        difference: bool = False,
    ) -> None:
        super().__init__(keys)
        if difference and image_key is None:
            raise ValueError("image_key must name the input image where the difference to it is wanted, got None")
        self.difference = difference
        self.image_key = image_key
        self.channels = channels
        self.low, self.high = intensity_range

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, Any]:
        """Add the entries.

        Raises:
            ValueError: when the prediction's channels are not a multiple of 1 + C.
        """
        sample = dict(data)
        if self.image_key is not None:
            sample[self.image_key] = self._share(sample[self.image_key])
        for key in self.key_iterator(sample):
            pred, size = sample[key], 1 + self.channels
            if len(pred) % size:
                raise ValueError(f"expected a multiple of {size} channels in '{key}', found {len(pred)}")
            for i in range(len(pred) // size):
                tail = f"_{i}" if i else ""
                sample[f"map{tail}"] = pred[i * size : i * size + 1]
                sample[f"healthy{tail}"] = healthy = self._share(pred[i * size + 1 : (i + 1) * size])
                if self.difference:
                    image = convert_to_tensor(sample[self.image_key], track_meta=False)
                    sample[f"difference{tail}"] = healthy - image
        return sample

    def _share(self, image: torch.Tensor) -> torch.Tensor:
        return (image - self.low) / (self.high - self.low)


SplitTranslationD = SplitTranslationDict = SplitTranslationd
