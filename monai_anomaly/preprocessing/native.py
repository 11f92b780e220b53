# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import SpatialResample

from ..registration import SpaceTransform

__all__ = ["to_native"]


def to_native(img: MetaTensor, transform: SpaceTransform, mode: str = "bilinear") -> MetaTensor:
    """Bring a map or mask from the space of the template back to the grid of the scan.

    Args:
        img: (C, X, Y, Z), on any grid in the space of the template.
        transform: of the scan, as the preprocessing wrote it.
        mode: ``"bilinear"`` for maps, ``"nearest"`` for masks.

    Returns:
        (C, *native_shape) with the affine of the scan; 0 where the template's grid ends.
    """
    moved = MetaTensor(img.clone())
    moved.affine = torch.from_numpy(np.array(transform.matrix) @ np.asarray(img.affine, dtype=np.float64))
    resample = SpatialResample(mode=mode, padding_mode="zeros", align_corners=True)
    resample.tracing = False
    affine = torch.tensor(transform.native_affine, dtype=torch.float64)
    native = MetaTensor(resample(moved, dst_affine=affine, spatial_size=transform.native_shape))
    native.applied_operations = []
    return native
