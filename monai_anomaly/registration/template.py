# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from scipy import ndimage as ndi

from ..utils import DataError, read_nifti
from ..utils.mni152 import mni152_file
from .volume import Volume

__all__ = ["BrainTemplate", "load_brain_template"]

MNI152 = "MNI152"
_MARGIN = 12  # voxels: the MNI brain touches the lower edge of its array
_RING = 6.0  # mm around the brain that count in a registration


@dataclass(frozen=True)
class BrainTemplate:
    """A brain without skull that scans are registered to.

    Attributes:
        name: ``"MNI152"`` or the file.
        sha256: of the file.
        image: the brain; 0 outside.
    """

    name: str
    sha256: str
    image: Volume

    @property
    def brain(self) -> np.ndarray:
        """The brain mask, (X, Y, Z) of bool."""
        return self.image.values > 0

    @cached_property
    def brain_and_ring(self) -> np.ndarray:
        """The brain and 6 mm around it, (X, Y, Z) of bool."""
        near: np.ndarray = ndi.distance_transform_edt(~self.brain, sampling=self.image.spacing) <= _RING
        return near

    def box(self) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper corner of the brain's box, in mm, RAS."""
        corners = self.image.points(self.brain).double().numpy()
        return corners.min(0), corners.max(0)


@lru_cache(maxsize=4)
def load_brain_template(path: str | os.PathLike = MNI152) -> BrainTemplate:
    """The template of a file, or the MNI152 T1 (ICBM 2009a symmetric, Fonov et al. 2011) that nilearn ships.

    Args:
        path: ``"MNI152"``, or a 3D NIfTI file of a brain without skull, 0 outside.

    Raises:
        DataError: the file cannot be read, is no volume, or has no background of 0.
    """
    file = mni152_file("t1") if path == MNI152 else Path(path)
    stored, geometry = read_nifti(file, "a template")
    values = stored.astype(np.float32)
    if values.ndim != 3:
        raise DataError(f"{file}: expected a template of 3 axes, found the shape {values.shape}")
    share = float((values > 0).mean())
    if not 0.01 < share < 0.9:
        raise DataError(f"{file}: expected a brain without skull and 0 around it, found {share:.0%} above 0")
    affine = geometry.affine
    affine[:3, 3] -= affine[:3, :3] @ np.full(3, _MARGIN)
    padded = Volume(np.pad(np.maximum(values, 0), _MARGIN), affine)
    padded.values.setflags(write=False)  # shared by every caller through the cache
    return BrainTemplate(str(path), hashlib.sha256(file.read_bytes()).hexdigest(), padded)
