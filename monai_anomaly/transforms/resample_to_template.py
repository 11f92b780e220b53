# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import nibabel as nib
import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import InvertibleTransform, MapTransform, SpatialResample
from monai.utils import ensure_tuple_rep

from ..registration import BrainTemplate, load_brain_template

__all__ = [
    "ResampleToTemplate",
    "ResampleToTemplateD",
    "ResampleToTemplateDict",
    "ResampleToTemplated",
    "template_grid",
]


def template_grid(
    template: BrainTemplate, spatial_size: Sequence[int], spacing: float = 1.0, axcodes: str = "RAS"
) -> np.ndarray:
    """Affine of a grid centered on the template's brain, (4, 4).

    Args:
        template: whose space it is.
        spatial_size: voxels along each axis of the array.
        spacing: voxel size in mm.
        axcodes: where the axes of the array point, e.g. ``"RSA"``.
    """
    to_ras = nib.orientations.inv_ornt_aff(nib.orientations.axcodes2ornt(axcodes), (1, 1, 1))[
        :3, :3
    ]  # array axes to RAS axes
    low, high = template.box()
    affine = np.eye(4)
    affine[:3, :3] = spacing * to_ras
    affine[:3, 3] = (low + high) / 2 - affine[:3, :3] @ ((np.asarray(spatial_size) - 1) / 2)
    return affine


class ResampleToTemplate(InvertibleTransform):
    """Put an image that lies in the template's space on a grid around its brain: interpolation and crop in one.

    Args:
        template: see `load_brain_template`.
        spatial_size: voxels along the axes of the array; (160, 192, 160) holds the whole MNI brain. The thesis' (ch. 9)
            124 x 120 x 172 holds 92 % of it with ``axcodes="RSA"``, and 81 % read as x, y, z.
        spacing: voxel size in mm.
        axcodes: where the axes of the array point.
    """

    backend = SpatialResample.backend

    def __init__(
        self,
        template: str = "MNI152",
        spatial_size: Sequence[int] = (160, 192, 160),
        spacing: float = 1.0,
        axcodes: str = "RAS",
    ) -> None:
        self.spatial_size = tuple(spatial_size)
        self.affine = torch.from_numpy(template_grid(load_brain_template(template), spatial_size, spacing, axcodes))
        self.resample = SpatialResample(padding_mode="zeros", align_corners=True)

    def __call__(self, img: torch.Tensor, mode: str = "bilinear") -> torch.Tensor:
        """The image (C, X, Y, Z) on the grid; ``"nearest"`` for masks."""
        return self.resample(img, dst_affine=self.affine, spatial_size=self.spatial_size, mode=mode)

    def inverse(self, img: torch.Tensor) -> torch.Tensor:
        """The image on the grid it came from."""
        return self.resample.inverse(img)


class ResampleToTemplated(MapTransform, InvertibleTransform):
    """Dictionary version of :class:`ResampleToTemplate`.

    Args:
        keys: images (C, X, Y, Z), already in the space of the template.
        mode: ``"bilinear"`` for images, ``"nearest"`` for masks; one for all keys or one per key.
        allow_missing_keys: skip keys a sample does not have.
        kwargs: of :class:`ResampleToTemplate`.
    """

    backend = ResampleToTemplate.backend

    def __init__(
        self,
        keys: KeysCollection,
        mode: Sequence[str] | str = "bilinear",
        allow_missing_keys: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.mode = ensure_tuple_rep(mode, len(self.keys))
        self.resample = ResampleToTemplate(**kwargs)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Resample the images of a sample."""
        d = dict(data)
        for key, mode in self.key_iterator(d, self.mode):
            d[key] = self.resample(d[key], mode)
        return d

    def inverse(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Resample them to the grids they came from."""
        d = dict(data)
        for key in self.key_iterator(d):
            d[key] = self.resample.inverse(d[key])
        return d


ResampleToTemplateD = ResampleToTemplateDict = ResampleToTemplated
