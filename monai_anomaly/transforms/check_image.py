# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import warnings
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, cast

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, Transform
from monai.utils import TransformBackends, convert_to_dst_type, ensure_tuple_rep

from ..utils import DataError, corner_distance, is_picture, whole_labels
from ..utils.native_image import array_axis, array_plane

__all__ = [
    "CheckImage",
    "CheckImageD",
    "CheckImageDict",
    "CheckImaged",
    "file_of",
]

MODALITY_FILES = "modality_files"
MASKS = ("mask", "target_mask")
_LABELS = 16  # more grays in a picture are no labels


def file_of(image: Any, channel: int | None = None) -> str:
    """Name the file an image came from, for an error message.

    Args:
        image: a tensor; a MetaTensor knows its file(s).
        channel: with several files, the one of this channel; all of them by default.
    """
    meta = getattr(image, "meta", {})
    files = [f for f in str(meta.get(MODALITY_FILES, "")).split(os.pathsep) if f]
    if channel is not None and len(files) == len(image):
        return files[channel]
    return ", ".join(files) or str(meta.get("filename_or_obj", "(an image without a file)"))


class CheckImage(Transform):
    """Return an image unchanged, or say what is wrong with it.

    Of labels the values are put back on the whole numbers that a scale factor of the file moved them off, see
    `whole_labels`. A picture of a mask from 0 to 255 with grays between, as JPEG or a smooth edge makes them, becomes
    black and white at the middle, with a warning.

    Args:
        channels: number of channels it must have; ``None``: any.
        spatial_dims: number of spatial axes it must have; ``None``: any.
        allow_empty: whether a channel may hold a single value only (a mask without lesion does).
        labels: whether the values are labels, whole numbers.

    Raises:
        DataError: names the file, what was expected and what was found.
    """

    backend = [TransformBackends.TORCH]

    def __init__(
        self,
        channels: int | None = None,
        spatial_dims: int | None = None,
        allow_empty: bool = False,
        labels: bool = False,
    ) -> None:
        self.channels = channels
        self.spatial_dims = spatial_dims
        self.allow_empty = allow_empty
        self.labels = labels

    def __call__(self, img: torch.Tensor) -> torch.Tensor:
        """Check an image of shape (C, spatial...)."""
        if self.spatial_dims is not None and img.ndim != self.spatial_dims + 1:
            raise DataError(
                f"{file_of(img)}: expected {self.spatial_dims} spatial axes, found shape {tuple(img.shape[1:])}"
            )
        if self.channels is not None and len(img) != self.channels:
            raise DataError(f"{file_of(img)}: expected {self.channels} channel(s), found {len(img)}")
        for c, values in enumerate(torch.as_tensor(img).flatten(1)):
            bad = int((~torch.isfinite(values)).sum())
            if bad:
                raise DataError(f"{file_of(img, c)}: expected finite values, found {bad} that are NaN or infinite")
            if not self.allow_empty and bool((values == values[0]).all()):
                raise DataError(f"{file_of(img, c)}: expected an image, found only the value {float(values[0]):g}")
        return self._whole(img) if self.labels else img

    @staticmethod
    def _whole(img: torch.Tensor) -> torch.Tensor:
        values = torch.as_tensor(img).detach().as_subclass(torch.Tensor).cpu().numpy()
        if is_picture(img) and (grays := _grays_between(values, file_of(img))):
            warnings.warn(
                f"{file_of(img)}: a mask from 0 to 255 with {grays} grays between; from 128 on counts as lesion",
                stacklevel=3,
            )
            values = np.where(values > 127, 255, 0).astype(values.dtype)
            return cast(torch.Tensor, convert_to_dst_type(values, dst=img, dtype=img.dtype)[0])
        whole = whole_labels(values)
        if whole is None:
            some = ", ".join(f"{v:.4g}" for v in np.unique(values[values != np.round(values)])[:3])
            raise DataError(
                f"{file_of(img)}: expected a mask of whole numbers, found values such as {some}; put a "
                "threshold on it, or resample it to the nearest neighbor"
            )
        return img if whole is values else convert_to_dst_type(whole, dst=img, dtype=img.dtype)[0]


def _grays_between(values: np.ndarray, file: str) -> int:
    """How many grays a mask of black and white has between them; 0 where they may be labels."""
    found = np.unique(values)
    lossy = file.lower().endswith((".jpg", ".jpeg"))
    smooth = found[0] <= 5 and 250 <= found[-1] <= 255 and len(found) > (2 if lossy else _LABELS)
    return len(found) - 2 if smooth else 0


class CheckImaged(MapTransform):
    """Check the loaded images of a sample, one by one and against each other.

    Looks for NaN and infinity, empty channels, a wrong number of channels or axes, and for images that do not lie on
    the grid of the first key: another spatial shape, or an affine that moves a corner by more than ``tolerance``.

    Args:
        keys: images to check, the reference first, e.g. ``("image", "mask", "twin")``.
        channels: number of channels, one for all keys or one per key; ``None``: any.
        spatial_dims: number of spatial axes of every key; ``None``: any.
        allow_empty: whether an image may hold a single value, one for all keys or one per key; by default only
            ``mask`` and ``target_mask``.
        tolerance: largest distance of corresponding corners [mm].
        allow_missing_keys: a sample without a mask or twin is fine by default.
        labels: whether an image holds labels, one for all keys or one per key; by default only ``mask`` and
            ``target_mask``.
        axial: whether an image of 2 axes, or a volume of one slice, must be an axial slice by its affine.

    Raises:
        DataError: names the file(s), what was expected and what was found.
    """

    backend = CheckImage.backend

    def __init__(
        self,
        keys: KeysCollection,
        channels: Sequence[int | None] | int | None = None,
        spatial_dims: int | None = None,
        allow_empty: Sequence[bool] | bool | None = None,
        tolerance: float = 0.1,
        allow_missing_keys: bool = True,
        labels: Sequence[bool] | bool | None = None,
        axial: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        masks = [key in MASKS for key in self.keys]
        empty = masks if allow_empty is None else allow_empty
        labels = masks if labels is None else labels
        number = len(self.keys)
        self.checks = tuple(
            CheckImage(c, spatial_dims, e, v)
            for c, e, v in zip(*(ensure_tuple_rep(x, number) for x in (channels, empty, labels)), strict=True)
        )
        self.tolerance = tolerance
        self.axial = axial

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, torch.Tensor]:
        """Check images of shape (C, spatial...)."""
        d = dict(data)
        reference = None
        for key, check in self.key_iterator(d, self.checks):
            d[key] = image = check(d[key])
            if self.axial:
                _check_axial(image)
            reference = image if reference is None else reference
            check_same_grid(reference, image, self.tolerance)
        return d


def check_same_grid(reference: torch.Tensor, image: torch.Tensor, tolerance: float = 0.1) -> None:
    """Raise an error unless two images (C, spatial...) have one spatial shape and one affine, to ``tolerance`` [mm]."""
    if _of_file(reference) and _of_file(image) and is_picture(reference) != is_picture(image):
        picture, array = (reference, image) if is_picture(reference) else (image, reference)
        raise DataError(
            f"{file_of(array)}: expected a picture as {file_of(picture)} is one, whose first axis runs to the right, "
            "found an array, whose axes may be exchanged; save both as pictures, or both as NIfTI"
        )
    shape, found = tuple(reference.shape[1:]), tuple(image.shape[1:])
    if shape != found:
        raise DataError(f"{file_of(image)}: expected the spatial shape {shape} of {file_of(reference)}, found {found}")
    affine, other = getattr(reference, "affine", None), getattr(image, "affine", None)
    if affine is None or other is None:
        return
    distance = corner_distance(affine, other, shape)
    if not distance <= tolerance:
        raise DataError(
            f"{file_of(image)}: expected the affine of {file_of(reference)} (corners within {tolerance:g} mm), "
            f"found corners up to {distance:.3g} mm away; register or resample the files to one grid"
        )


def _check_axial(image: torch.Tensor) -> None:
    """Of a slice, also one that is stored as a volume: cut along another axis it would be lines."""
    if image.ndim == 4:
        through = [axis for axis, size in enumerate(image.shape[1:]) if size == 1]
        axial = not through or array_axis(image, "S") in through
        plane = "axial" if axial else "sagittal" if array_axis(image, "R") in through else "coronal"
    else:
        plane = array_plane(image)
    if plane != "axial":
        raise DataError(
            f"{file_of(image)}: expected an axial slice, found a {plane} one by its affine; give axial slices, or the"
            " volume"
        )


def _of_file(image: torch.Tensor) -> bool:
    return bool(getattr(image, "meta", {}).get("filename_or_obj"))


CheckImageD = CheckImageDict = CheckImaged
