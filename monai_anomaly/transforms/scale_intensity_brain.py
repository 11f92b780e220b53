# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Hashable, Mapping

import numpy as np
import torch
from monai.config import KeysCollection
from monai.config.type_definitions import NdarrayOrTensor
from monai.data.meta_obj import get_track_meta
from monai.transforms import MapTransform, Transform
from monai.utils import TransformBackends, convert_to_dst_type, convert_to_tensor, look_up_option

from monai_anomaly.utils import DataError

from .check_image import file_of

__all__ = [
    "ScaleIntensityByBrain",
    "ScaleIntensityByBrainD",
    "ScaleIntensityByBrainDict",
    "ScaleIntensityByBraind",
]


class ScaleIntensityByBrain(Transform):
    """Scale a whole volume by the statistics of its brain voxels, every channel by itself.

    Modes:

    * ``"median"``: x / (factor * median of the brain), clipped to [0, 1]. A lesion of a few percent of the brain hardly
      moves a median, so that healthy and diseased volumes may be mixed.
    * ``"percentile"``: clip to two percentiles of the brain and stretch them to the ends (Wolleb, thesis 2022, ch. 5
      and 7: 1 and 99). A bright lesion moves the upper one and so dims the healthy tissue: only use it where the
      healthy and the diseased slices come from the same volumes.

    The background goes to ``b_min``. Apply it to volumes before cutting slices: statistics of single slices would
    change from slice to slice.

    Args:
        mode: ``"median"`` or ``"percentile"``.
        lower: lower percentile in [0, 100], which goes to ``b_min``; ``None``: 0 goes to ``b_min`` (so the intensities
            are only divided, as in the data published with the papers).
        upper: upper percentile in [0, 100], which goes to ``b_max``.
        factor: multiple of the median that goes to ``b_max``.
        background: voxels above this value are brain, unless a mask is given.
        b_min: smallest value of the result.
        b_max: largest value of the result.

    Raises:
        DataError: when a channel has no brain voxel, or all of them have one value where a range is needed.
    """

    backend = [TransformBackends.TORCH]

    def __init__(
        self,
        mode: str = "median",
        lower: float | None = 1.0,
        upper: float = 99.0,
        factor: float = 2.2,
        background: float = 0.0,
        b_min: float = 0.0,
        b_max: float = 1.0,
    ) -> None:
        self.mode = look_up_option(mode, ("median", "percentile"))
        if not (lower or 0.0) < upper <= 100.0:
            raise ValueError(f"expected percentiles lower < upper <= 100, found {lower} and {upper}")
        self.lower = lower
        self.upper = upper
        self.factor = factor
        self.background = background
        self.b_min = b_min
        self.b_max = b_max

    def __call__(self, img: NdarrayOrTensor, mask: NdarrayOrTensor | None = None) -> NdarrayOrTensor:
        """Return the scaled image, float32, in [b_min, b_max].

        Args:
            img: (C, spatial...).
            mask: brain mask, (1, spatial...) or (C, spatial...), > 0 inside.
        """
        img = convert_to_tensor(img, track_meta=get_track_meta())
        values = torch.as_tensor(img).detach().as_subclass(torch.Tensor).float()
        brain = values > self.background if mask is None else torch.as_tensor(mask).as_subclass(torch.Tensor) > 0
        brain = brain.expand_as(values)
        out = torch.full_like(values, self.b_min)
        for c, (channel, inside) in enumerate(zip(values, brain, strict=True)):
            voxels = channel[inside]
            if voxels.numel() == 0:
                raise DataError(f"{file_of(img, c)}: expected brain voxels > {self.background:g}, found none")
            low, high = self._range(voxels.cpu().numpy())
            if not high > low:
                raise DataError(f"{file_of(img, c)}: expected a range of brain intensities, found {low:g} to {high:g}")
            scaled = ((voxels - low) / (high - low)).clamp_(0.0, 1.0)
            out[c][inside] = scaled * (self.b_max - self.b_min) + self.b_min
        return convert_to_dst_type(out, dst=img, dtype=torch.float32)[0]

    def _range(self, voxels: np.ndarray) -> tuple[float, float]:
        """Return the intensities that go to ``b_min`` and ``b_max``."""
        if self.mode == "median":
            return 0.0, self.factor * float(np.median(voxels))
        low = 0.0 if self.lower is None else float(np.percentile(voxels, self.lower))
        return low, float(np.percentile(voxels, self.upper))


class ScaleIntensityByBraind(MapTransform):
    """Scale volumes by the statistics of their brain voxels; see :class:`ScaleIntensityByBrain`.

    Args:
        keys: images to scale, each by its own statistics.
        mode: ``"median"`` or ``"percentile"``.
        lower: lower percentile.
        upper: upper percentile.
        factor: multiple of the median that goes to ``b_max``.
        background: voxels above this value are brain, unless ``mask_key`` is given.
        b_min: smallest value of the result.
        b_max: largest value of the result.
        mask_key: entry with a brain mask (not the lesion mask).
        allow_missing_keys: skip keys a sample does not have.
    """

    backend = ScaleIntensityByBrain.backend

    def __init__(
        self,
        keys: KeysCollection,
        mode: str = "median",
        lower: float | None = 1.0,
        upper: float = 99.0,
        factor: float = 2.2,
        background: float = 0.0,
        b_min: float = 0.0,
        b_max: float = 1.0,
        mask_key: str | None = None,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.scale = ScaleIntensityByBrain(mode, lower, upper, factor, background, b_min, b_max)
        self.mask_key = mask_key

    def __call__(self, data: Mapping[Hashable, NdarrayOrTensor]) -> dict[Hashable, NdarrayOrTensor]:
        """Scale the images of a sample."""
        d = dict(data)
        mask = None if self.mask_key is None else d[self.mask_key]
        for key in self.key_iterator(d):
            d[key] = self.scale(d[key], mask)
        return d


ScaleIntensityByBrainD = ScaleIntensityByBrainDict = ScaleIntensityByBraind
