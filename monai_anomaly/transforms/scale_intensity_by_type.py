# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.config.type_definitions import NdarrayOrTensor
from monai.data import MetaTensor
from monai.transforms import MapTransform, ScaleIntensityRange, Transform
from monai.utils import TransformBackends

from ..utils import INTENSITY_WIDTH, STORED_BITS, DataError
from .check_image import file_of
from .scale_intensity_by_brain import ScaleIntensityByBrain

__all__ = [
    "ScaleIntensityByType",
    "ScaleIntensityByTypeD",
    "ScaleIntensityByTypeDict",
    "ScaleIntensityByTyped",
]

_UNUSED_BITS = 3  # upper bits of 16 that no pixel of a picture uses: it holds 12 or 13 bits, as of a scanner


class ScaleIntensityByType(Transform):
    """Scale pictures by the range of the whole numbers in their files, all other images by their foreground.

    Of a picture of 8 bits (PNG, JPEG, BMP, TIFF, NumPy) 0 goes to ``b_min`` and 255 to ``b_max``; of 16 bits 65535.
    Somebody chose the window of a picture, and its type says it for all pictures of a set alike; statistics of a single
    slice would take the noise around a head for the brain. What has no such range (NIfTI, DICOM, floats) is scaled by
    `ScaleIntensityByBrain`.

    Files of 16 bits often hold the 12 of a scanner. That cannot be told of one image for all of them, so it is an error
    that says what to give.

    Args:
        b_min: smallest value of the result.
        b_max: largest value of the result.
        bits: of the numbers in files of 16 bits, e.g. 12: 4095 goes to ``b_max``. None: all 16, but a picture that does
            not use the upper three of them is an error.
        mode: of `ScaleIntensityByBrain`.

    Raises:
        DataError: a picture of 16 bits that uses fewer, or more than ``bits``; what `ScaleIntensityByBrain` raises.

    Example::

        image = MetaTensor(torch.tensor([[[0.0, 51.0, 255.0]]]), meta={"stored_bits": np.array([8])})
        assert torch.allclose(ScaleIntensityByType()(image), torch.tensor([0.0, 0.2, 1.0]))
    """

    backend = [TransformBackends.TORCH]

    def __init__(self, b_min: float = 0.0, b_max: float = 1.0, bits: int | None = None, mode: str = "median") -> None:
        if bits is not None and not 8 <= bits <= 16:
            raise DataError(f"bits: expected 8 to 16, those used in files of 16 bits, found {bits!r}")
        self.b_min = b_min
        self.b_max = b_max
        self.bits = bits
        self.by_brain = ScaleIntensityByBrain(mode, b_min=b_min, b_max=b_max)

    def __call__(self, img: NdarrayOrTensor) -> NdarrayOrTensor:
        """Return the scaled image (C, spatial...), float32, in [b_min, b_max]."""
        stored = np.atleast_1d(np.asarray(getattr(img, "meta", {}).get(STORED_BITS, 0)))
        if not stored.all() or len(set(stored.tolist())) > 1:
            return self.by_brain(img)
        top = 2.0 ** self._used(img, int(stored[0])) - 1
        out: Any = ScaleIntensityRange(0.0, top, self.b_min, self.b_max)(img)
        if isinstance(out, MetaTensor):
            out.meta[INTENSITY_WIDTH] = np.full(len(out), top)
        return out

    def _used(self, img: NdarrayOrTensor, stored: int) -> int:
        if stored <= 8:
            return stored
        highest = float(torch.as_tensor(img).max())
        bits = stored if self.bits is None else min(stored, self.bits)
        if highest >= 2**bits:
            raise DataError(f"{file_of(img)}: expected values below {2**bits} ({bits} bits), found {highest:g}")
        if self.bits is None and highest < 2 ** (bits - _UNUSED_BITS):
            raise DataError(
                f"{file_of(img)}: expected a picture that uses its {bits} bits, found no value above {highest:g}; give "
                f"the bits that the largest value of all files needs, in training and inference, as --intensity#bits "
                f"{max(8, int(highest).bit_length())}; {bits} if this image alone is so dark"
            )
        return bits


class ScaleIntensityByTyped(MapTransform):
    """Scale pictures by the range of their type, other images by their foreground; see :class:`ScaleIntensityByType`.

    Args:
        keys: images to scale.
        b_min: smallest value of the result.
        b_max: largest value of the result.
        bits: of the numbers in files of 16 bits.
        mode: of `ScaleIntensityByBrain`.
        allow_missing_keys: skip keys a sample does not have.
    """

    backend = ScaleIntensityByType.backend

    def __init__(
        self,
        keys: KeysCollection,
        b_min: float = 0.0,
        b_max: float = 1.0,
        bits: int | None = None,
        mode: str = "median",
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.scale = ScaleIntensityByType(b_min, b_max, bits, mode)

    def __call__(self, data: Mapping[Hashable, NdarrayOrTensor]) -> dict[Hashable, NdarrayOrTensor]:
        """Scale the images of a sample."""
        d = dict(data)
        for key in self.key_iterator(d):
            d[key] = self.scale(d[key])
        return d


ScaleIntensityByTypeD = ScaleIntensityByTypeDict = ScaleIntensityByTyped
