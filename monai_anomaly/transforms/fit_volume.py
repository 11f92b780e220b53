# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Sequence

from monai.config import KeysCollection
from monai.transforms import ResizeWithPadOrCrop

from .fit_slice import FitSliced

__all__ = ["FitVolumeD", "FitVolumeDict", "FitVolumed"]


class FitVolumed(FitSliced):
    """Pad or crop whole volumes to one size; as MONAI's ``ResizeWithPadOrCropd``, but what cuts the brain says so.

    Args:
        keys: images (C, X, Y, Z).
        spatial_size: of every spatial axis.
        most_lost: share of the first image's foreground (see `find_foreground`) that a crop may take away without a
            warning, 0 to 1.
        allow_missing_keys: a missing entry is no error.

    Example::

        sample = FitVolumed("image", (8, 16, 12))({"image": torch.rand(1, 10, 10, 10)})
        assert sample["image"].shape == (1, 8, 16, 12)
    """

    def __init__(
        self,
        keys: KeysCollection,
        spatial_size: Sequence[int],
        most_lost: float = 0.01,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, spatial_size, "crop", allow_missing_keys)
        self.pad_or_crop = {len(spatial_size): ResizeWithPadOrCrop(spatial_size)}
        self.most_lost = most_lost

    def _described(self, size: Sequence[int]) -> str:
        return f"the central {' x '.join(str(n) for n in size)} voxels"


FitVolumeD = FitVolumeDict = FitVolumed
