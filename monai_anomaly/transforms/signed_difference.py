# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Hashable, Mapping

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform
from monai.utils import TransformBackends, convert_to_tensor

__all__ = ["SignedDifferenceD", "SignedDifferenceDict", "SignedDifferenced"]


class SignedDifferenced(MapTransform):
    """Add reconstruction - image with its sign: what the disease took away is positive (thesis ch. 6, d = a_h - r_c).

    Args:
        keys: the reconstruction, (C, ...).
        image_key: the image, like it.
        output_key: where the difference goes, in the geometry of the reconstruction.
    """

    backend = [TransformBackends.TORCH]

    def __init__(self, keys: KeysCollection, image_key: str = "image", output_key: str = "difference") -> None:
        super().__init__(keys)
        self.image_key = image_key
        self.output_key = output_key

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, torch.Tensor]:
        """Add the difference."""
        sample = dict(data)
        for key in self.key_iterator(sample):
            sample[self.output_key] = sample[key] - convert_to_tensor(sample[self.image_key], track_meta=False)
        return sample


SignedDifferenceD = SignedDifferenceDict = SignedDifferenced
