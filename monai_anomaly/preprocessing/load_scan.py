# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import warnings
from dataclasses import asdict

import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import Orientation

from ..registration import MOST_OUTSIDE, Volume
from ..transforms import CheckImage, LoadModalities
from ..transforms.check_image import file_of
from ..utils import DataError, check_voxel_size, read_geometry, voxel_size

__all__ = ["load_mask", "load_scan"]

SPACING = (0.2, 10.0)
"""Plausible voxel sizes in mm."""

_EXTENT = 32.0  # mm along every axis


def load_scan(path: str | os.PathLike, on_nonfinite: str = "raise") -> MetaTensor:
    """A raw scan as float32 (1, X, Y, Z) in RAS order, if it is one that can be used.

    Args:
        path: a volume (NIfTI, NRRD, ...), or a folder with one DICOM series.
        on_nonfinite: ``"raise"``, or ``"zero"``: NaN and infinity become 0, with a warning.

    Raises:
        DataError: when it is no volume, has several volumes, holds NaN or a single value, or its voxels or its extent
            are not those of a head.
    """
    image = LoadModalities()(path)
    if image.ndim != 4:
        raise DataError(f"{path}: expected a volume of 3 axes, found the shape {tuple(image.shape[1:])}")
    if len(image) > 1:
        raise DataError(f"{path}: expected one volume, found {len(image)}: split the file, or choose one")
    bad = ~torch.isfinite(image.as_tensor())
    if on_nonfinite == "zero" and bad.any():
        warnings.warn(f"{path}: {int(bad.sum())} voxels that are NaN or infinite were set to 0", stacklevel=2)
        image[bad] = 0
    CheckImage(channels=1, spatial_dims=3)(image)
    header = read_geometry(path)
    unit = 1.0 if header is None else header.unit
    check_voxel_size(path, image.affine, image.shape[1:], *SPACING, unit=unit)
    extent = voxel_size(image.affine) * image.shape[1:]
    if extent.min() < _EXTENT:
        raise DataError(f"{path}: expected at least {_EXTENT:g} mm along every axis, found {_text(extent)}")
    oriented = MetaTensor(Orientation("RAS", labels=None)(image))
    oriented.meta |= {
        "native_shape": tuple(image.shape[1:]),
        "native_affine": np.asarray(image.affine, dtype=float),
        "native_header": None if header is None else asdict(header),
    }
    return oriented


def load_mask(path: str | os.PathLike, reference: MetaTensor) -> MetaTensor:
    """A mask of a scan, (1, X, Y, Z), on the grid of the loaded scan (nearest neighbor, by the affines).

    Raises:
        DataError: when it is no volume of labels, or more than 2 % of it lie outside of the scan.
    """
    mask = LoadModalities()(path)
    if mask.ndim != 4 or len(mask) > 1:
        raise DataError(f"{path}: expected a mask of 3 axes, found the shape {tuple(mask.shape)}")
    mask = MetaTensor(CheckImage(allow_empty=True, labels=True)(mask))
    volume, scan = Volume.of(mask), Volume.of(reference)
    outside = volume.share_outside(scan)
    if outside > MOST_OUTSIDE:
        raise DataError(
            f"{path}: expected a mask of {file_of(reference)}, found one of which {outside:.0%} lie outside of it: "
            "do their headers agree?"
        )
    found = volume.pulled(np.eye(4), scan, order=0)
    return MetaTensor(torch.from_numpy(found.values[None]), affine=reference.affine)


def _text(lengths: np.ndarray) -> str:
    return " x ".join(f"{v:.3g}" for v in lengths)
