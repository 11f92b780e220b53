# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from monai.utils import ImageMetaKey, optional_import

from ..utils import RAS_TO_LPS, DataError
from .dicom_series import find_series

__all__ = ["read_multi_frame"]

_TOLERANCE = 0.1  # mm; as for slices in files of their own


def read_multi_frame(path: Path) -> MetaTensor | None:
    """The volume (X, Y, Z), float32, of a DICOM file with several frames, as scanners write with enhanced MR and CT.

    The frames are sorted by their places, and their own rescaling is applied. ITK takes them as they are stored: where
    they are unsorted, incomplete or of two echoes, it gives what is no volume a grid of 1 mm, without a word.

    Args:
        path: of a file, or of a folder with one DICOM image, beside which may lie a DICOMDIR and the like.

    Returns:
        the volume with its affine, or None of anything else, which has readers of its own.

    Raises:
        DataError: the frames are not one gray volume, cannot be read, or highdicom is not installed.
    """
    files = find_series(path) if path.is_dir() else [path]
    if len(files) != 1 or (frames := _count_frames(files[0])) == 1:
        return None
    file = files[0]
    imread, available = optional_import("highdicom", name="imread")
    if not available:
        raise DataError(
            f"{file}: expected the package highdicom to read {frames} frames in a file, found none; pip install "
            "highdicom, or export each slice as a file"
        )
    try:
        volume = imread(file).get_volume(
            dtype=np.float32, apply_real_world_transform=False, apply_voi_transform=False, atol=_TOLERANCE
        )
    except Exception as error:  # pydicom's and highdicom's, of whatever the file holds
        raise DataError(
            f"{file}: expected frames of one volume, found {frames} that are not: {error}; export each volume (echo, "
            "time, part) as a file, or each slice"
        ) from error
    if volume.array.ndim != 3:
        raise DataError(f"{file}: expected gray frames, found colors")
    return _upward(volume, file)


def _upward(volume: Any, file: Path) -> MetaTensor:
    """Axes as ITK has them: columns, rows, and slices along their normal."""
    affine = volume.affine[:, [2, 1, 0, 3]]
    values = volume.array.transpose(2, 1, 0)
    if np.linalg.det(affine[:3, :3]) < 0:
        affine[:, 3] = affine @ [0, 0, values.shape[2] - 1, 1]
        affine[:, 2] *= -1
        values = values[:, :, ::-1]
    meta = {ImageMetaKey.FILENAME_OR_OBJ: str(file), ImageMetaKey.SPATIAL_SHAPE: np.asarray(values.shape)}
    return MetaTensor(torch.from_numpy(values.copy()), affine=torch.from_numpy(RAS_TO_LPS @ affine), meta=meta)


def _count_frames(file: Path) -> int:
    """Of what ITK does not read as DICOM 1; some DICOM files do without the first bytes that say so."""
    import itk

    io = itk.GDCMImageIO.New()
    io.SetFileName(str(file))
    try:
        if not io.CanReadFile(str(file)):
            return 1
        io.ReadImageInformation()
    except RuntimeError:  # the reader says what is wrong
        return 1
    return int(io.GetDimensions(2)) if io.GetNumberOfDimensions() > 2 else 1
