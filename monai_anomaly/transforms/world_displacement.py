# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Hashable, Mapping

import torch
from monai.data import MetaTensor
from monai.transforms import MapTransform
from monai.utils import TransformBackends, convert_to_tensor

from ..utils.native_image import volume_affine

__all__ = ["WorldDisplacementD", "WorldDisplacementDict", "WorldDisplacementd"]


class WorldDisplacementd(MapTransform):
    """Displacements in voxels (D, ...) become those in the space of the image's affine (3, ...), in mm along right,
    anterior, superior.

    Such vectors stay true when the image is padded, cropped, turned or resized, so that ``Invertd`` may take them to
    the grid of the file as it takes any image. Of pictures, which tell no spacing, they are in pixels.

    Args:
        keys: displacements (D, ...), with the affine of their grid, component i along spatial axis i.
        allow_missing_keys: whether a sample may lack some.
    """

    backend = [TransformBackends.TORCH]

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, torch.Tensor]:
        """Turn and scale the vectors."""
        sample = dict(data)
        for key in self.key_iterator(sample):
            field = sample[key]
            matrix = torch.as_tensor(volume_affine(field)[:3, : len(field)]).to(field.device, field.dtype)
            turned = torch.tensordot(matrix, convert_to_tensor(field, track_meta=False), dims=1)
            sample[key] = MetaTensor(turned).copy_meta_from(field) if isinstance(field, MetaTensor) else turned
        return sample


WorldDisplacementD = WorldDisplacementDict = WorldDisplacementd
