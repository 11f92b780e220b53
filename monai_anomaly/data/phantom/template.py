# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import nibabel as nib
import numpy as np
from scipy import ndimage as ndi

from ...utils import DataError
from ...utils.mni152 import mni152_file

__all__ = ["FIELD_OF_VIEW", "Template", "load_template"]

FIELD_OF_VIEW = (160, 196, 164)
"""Extent in mm: the 145 x 181 x 155 mm brain of the template with at least 4 mm around it."""

_FIRST_VOXEL = (18, 19, -4)  # of the field of view, in the 1 mm grid of the template


@dataclass(frozen=True)
class Template:
    """The average brain that every subject is bent from.

    Attributes:
        csf: probability of cerebrospinal fluid, (X, Y, Z), 0 to 1; ``gm``, ``wm`` likewise for gray and white matter.
        ventricle: the part of ``csf`` inside the lateral ventricles.
        affine: voxel to mm, RAS, MNI152 space.
        spacing: voxel size in mm.
    """

    csf: np.ndarray
    gm: np.ndarray
    wm: np.ndarray
    ventricle: np.ndarray
    affine: np.ndarray
    spacing: float

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.csf.shape


@lru_cache(maxsize=4)
def load_template(spacing: float = 3.0) -> Template:
    """MNI152 tissue maps (ICBM 2009a symmetric, Fonov et al. 2011) cut to the field of view, at ``spacing`` mm.

    Raises:
        DataError: the maps are missing, or ``spacing`` is not between 0.5 and 6 mm.
    """
    if not 0.5 <= spacing <= 6:
        raise DataError(f"phantom spacing: expected 0.5 to 6 mm, found {spacing}")
    images = {k: nib.Nifti1Image.from_filename(mni152_file(k)) for k in ("t1", "gm", "wm")}
    affine = images["t1"].affine.copy()
    t1, gm, wm = (_cut(np.asanyarray(images[k].dataobj)) for k in ("t1", "gm", "wm"))
    gm, wm = gm.astype(np.float32) / 255, wm.astype(np.float32) / 255
    csf = np.clip(1 - gm - wm, 0, 1) * (t1 > 0)
    affine[:3, 3] = (affine @ np.r_[_FIRST_VOXEL, 1.0])[:3]
    maps = {"csf": csf, "gm": gm, "wm": wm, "ventricle": csf * _ventricle(csf, affine)}
    if spacing != 1.0:
        maps = {k: _resample(m, spacing) for k, m in maps.items()}
        affine[:3, :3] *= spacing
    for m in maps.values():
        m.setflags(write=False)  # shared by every caller through the cache
    return Template(**maps, affine=affine, spacing=float(spacing))


def _cut(volume: np.ndarray) -> np.ndarray:
    pad = [(max(0, -a), max(0, a + n - s)) for a, n, s in zip(_FIRST_VOXEL, FIELD_OF_VIEW, volume.shape, strict=True)]
    inner = tuple(slice(max(0, a), a + n) for a, n in zip(_FIRST_VOXEL, FIELD_OF_VIEW, strict=True))
    return np.pad(volume[inner], pad)


def _resample(volume: np.ndarray, spacing: float) -> np.ndarray:
    shape = tuple(int((n - 1) / spacing) + 1 for n in FIELD_OF_VIEW)
    smooth = ndi.gaussian_filter(volume, 0.3 * max(spacing - 1, 0))
    return ndi.affine_transform(smooth, np.full(3, spacing), output_shape=shape, order=1)


def _ventricle(csf: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """Lateral ventricles at 1 mm: the large connected pieces of fluid in the middle of the brain."""
    x, y, z = (affine[i, 3] + affine[i, i] * np.arange(n) for i, n in enumerate(csf.shape))
    box = np.ix_(np.abs(x) < 34, (y > -52) & (y < 42), (z > -16) & (z < 34))
    core, count = ndi.label(ndi.binary_opening(csf[box] > 0.5))
    volume = ndi.sum_labels(np.ones(core.shape), core, range(1, count + 1))
    out = np.zeros(csf.shape, np.float32)
    out[box] = np.isin(core, 1 + np.flatnonzero(volume >= 0.15 * volume.max()))
    return out
