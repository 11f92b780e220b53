# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform
from monai.utils import TransformBackends, convert_to_tensor, ensure_tuple

__all__ = ["SignedDifferenceD", "SignedDifferenceDict", "SignedDifferenced"]


class SignedDifferenced(MapTransform):
    """Add reconstruction - image with its sign: what the disease took away is positive (thesis ch. 6, d = a_h - r_c).

    Args:
        keys: the reconstructions, (C, ...).
        image_key: the image, like it.
        output_key: where the difference goes, in the geometry of the reconstruction; of several keys one for each.

    Raises:
        ValueError: when there are more or fewer output keys than keys.
    """

    backend = [TransformBackends.TORCH]

    def __init__(
        self, keys: KeysCollection, image_key: str = "image", output_key: str | Sequence[str] = "difference"
    ) -> None:
        super().__init__(keys)
        self.image_key = image_key
        self.output_keys = ensure_tuple(output_key)
        if len(self.output_keys) != len(self.keys):
            raise ValueError(f"expected one output key for each of {self.keys}, got {self.output_keys}")

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, torch.Tensor]:
        """Add the difference."""
        sample = dict(data)
        for key, output in self.key_iterator(sample, self.output_keys):
            sample[output] = sample[key] - convert_to_tensor(sample[self.image_key], track_meta=False)
        return sample


SignedDifferenceD = SignedDifferenceDict = SignedDifferenced
