# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection, NdarrayOrTensor
from monai.data import get_track_meta
from monai.transforms import MapTransform, Transform
from monai.utils import TransformBackends, convert_to_dst_type, convert_to_tensor, ensure_tuple_rep, optional_import

from ..utils import DataError
from .check_image import file_of

__all__ = ["N4BiasField", "N4BiasFieldD", "N4BiasFieldDict", "N4BiasFieldd"]


class N4BiasField(Transform):
    """Remove the bias field of a coil from MR volumes: N4 (Tustison et al., IEEE TMI 29, 2010), by ITK.

    The field is fitted on a shrunk image and applied at full resolution. Its mean over the mask is 0, so that the
    brightness of the tissue stays what it was. It is fitted to the voxels of the mask that are above 0, whose logarithm
    exists; a volume should have a margin around the brain, for the field's spline bends at the edges of the array.

    Args:
        shrink: factor by which each axis is shrunk for the fit, where at least ``min_extent`` voxels remain: 4 suits
            voxels of 1 mm.
        levels: fitting levels; the spline's control points double from each to the next. On the phantom 3 follow the
            known field best; a fourth follows the anatomy.
        iterations: most iterations of each level.
        threshold: a level ends when the field changes by less. Smaller values fit noise.
        min_extent: fewest voxels along an axis of the shrunk image.

    Raises:
        DataError: when the image holds NaN, or nothing above 0 in the mask, or the mask has another shape.
    """

    backend = [TransformBackends.NUMPY]

    def __init__(
        self,
        shrink: int = 4,
        levels: int = 3,
        iterations: int = 50,
        threshold: float = 1e-3,
        min_extent: int = 12,
    ) -> None:
        if min(shrink, levels, iterations) < 1:
            raise ValueError(f"shrink, levels and iterations must be at least 1, got {(shrink, levels, iterations)}")
        self.shrink = shrink
        self.levels = levels
        self.iterations = iterations
        self.threshold = threshold
        self.min_extent = min_extent

    def __call__(
        self, img: NdarrayOrTensor, mask: NdarrayOrTensor | None = None
    ) -> tuple[NdarrayOrTensor, NdarrayOrTensor]:
        """The corrected image and the logarithm of the field that was in it, both (C, X, Y, Z), float32.

        Args:
            img: (C, X, Y, Z); every channel has a field of its own.
            mask: (1, X, Y, Z), above 0 in the brain; None: where the image is above 0.
        """
        img = convert_to_tensor(img, track_meta=get_track_meta())
        values = np.asarray(torch.as_tensor(img).detach().cpu(), np.float32)
        if values.ndim != 4:
            raise DataError(f"{file_of(img)}: expected volumes (C, X, Y, Z), found the shape {values.shape}")
        inside = values > 0
        if mask is not None:
            brain = np.asarray(torch.as_tensor(mask).detach().cpu()) > 0
            if brain.shape[1:] != values.shape[1:]:
                raise DataError(
                    f"{file_of(img)}: expected a mask of {values.shape[1:]} voxels, found {brain.shape[1:]}"
                )
            inside = inside & brain
        fields = np.stack(
            [self._field(v, m, file_of(img, c)) for c, (v, m) in enumerate(zip(values, inside, strict=True))]
        )
        corrected = values / np.exp(fields)
        corrected, log_field = (convert_to_dst_type(v, dst=img, dtype=torch.float32)[0] for v in (corrected, fields))
        return corrected, log_field

    def _field(self, values: np.ndarray, inside: np.ndarray, name: str) -> np.ndarray:
        """Logarithm of one channel's field."""
        if not np.isfinite(values).all():
            raise DataError(f"{name}: expected finite values, found {int((~np.isfinite(values)).sum())} that are not")
        if not inside.any():
            raise DataError(f"{name}: expected voxels above 0 in the mask, found none")
        itk, _ = optional_import("itk")
        factors = [
            max(1, min(self.shrink, n // self.min_extent)) for n in reversed(values.shape)
        ]  # ITK: last axis first
        image, mask = (itk.image_from_array(np.ascontiguousarray(v)) for v in (values, inside.astype(np.uint8)))
        small, small_mask = (itk.shrink_image_filter(v, shrink_factors=factors) for v in (image, mask))
        fit = itk.N4BiasFieldCorrectionImageFilter.New(small)
        fit.SetMaskImage(small_mask)
        fit.SetNumberOfFittingLevels(self.levels)
        fit.SetMaximumNumberOfIterations([self.iterations] * self.levels)
        fit.SetConvergenceThreshold(self.threshold)
        fit.SetNumberOfWorkUnits(1)  # the last bits of the result depend on their number
        fit.Update()
        # the filter that reconstructs the field at full size needs that image as its input, but no update
        full = itk.N4BiasFieldCorrectionImageFilter.New(image)
        field = itk.array_from_image(full.ReconstructBiasField(fit.GetLogBiasFieldControlPointLattice()))
        return np.asarray(field - field[inside].mean(), np.float32)


class N4BiasFieldd(MapTransform):
    """Dictionary version of :class:`N4BiasField`.

    Args:
        keys: images.
        mask_key: entry with the brain mask; None: where each image is above 0.
        field_keys: entries for the logarithms of the fields, one per key; None: they are not kept.
        allow_missing_keys: skip keys a sample does not have.
        kwargs: of :class:`N4BiasField`.
    """

    backend = N4BiasField.backend

    def __init__(
        self,
        keys: KeysCollection,
        mask_key: str | None = None,
        field_keys: Sequence[str] | str | None = None,
        allow_missing_keys: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.mask_key = mask_key
        self.field_keys = ensure_tuple_rep(field_keys, len(self.keys))
        self.correct = N4BiasField(**kwargs)

    def __call__(self, data: Mapping[Hashable, NdarrayOrTensor]) -> dict[Hashable, NdarrayOrTensor]:
        """Correct the images of a sample."""
        d = dict(data)
        for key, field_key in self.key_iterator(d, self.field_keys):
            d[key], field = self.correct(d[key], None if self.mask_key is None else d[self.mask_key])
            if field_key is not None:
                d[field_key] = field
        return d


N4BiasFieldD = N4BiasFieldDict = N4BiasFieldd
