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
from .dicom_series import SliceStack, find_series, frame_count

__all__ = ["read_multi_frame"]

_PLACES = (
    ("PlanePositionSequence", "ImagePositionPatient", 3),
    ("PlaneOrientationSequence", "ImageOrientationPatient", 6),
    ("PixelMeasuresSequence", "PixelSpacing", 2),
)


def read_multi_frame(path: Path) -> MetaTensor | None:
    """The volume (X, Y, Z), float32, of a DICOM file with several frames, as scanners write with enhanced MR.

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
    highdicom, available = optional_import("highdicom")
    if not available:
        raise DataError(
            f"{file}: expected the package highdicom to read {frames} frames in a file, found none; pip install "
            "highdicom, or export each slice as a file"
        )
    try:
        return _read(file, highdicom)
    except DataError:
        raise
    except Exception as error:  # pydicom's and highdicom's, of whatever the file holds
        raise DataError(
            f"{file}: expected frames of one volume, found {frames} that are not: {error}; export each volume (echo, "
            "time, part) as a file, or each slice"
        ) from error


def _read(file: Path, highdicom: Any) -> MetaTensor:
    """Axes as ITK has them: columns, rows, and slices along their normal.

    highdicom's own ``get_volume`` takes a tilt of 2 degrees and gaps that add up to millimeters for rounding.
    """
    header = optional_import("pydicom")[0].dcmread(file)
    header.pop("DimensionIndexSequence", None)  # not needed, and of private attributes, as scanners name, an error
    if not header.get("SharedFunctionalGroupsSequence"):
        header.pop("SharedFunctionalGroupsSequence", None)
    _check_whole(header, file)
    order, stack, affine = _place(header, file)
    stack.warn_about_tilt()
    _clear_unused_bits(header)
    values = highdicom.Image.from_dataset(header, copy=False).get_frames(
        dtype=np.float32, apply_real_world_transform=False, apply_voi_transform=False
    )
    if values.ndim != 3:
        raise DataError(f"{file}: expected gray frames, found colors")
    values = np.ascontiguousarray(values[order].transpose(2, 1, 0))
    meta = {ImageMetaKey.FILENAME_OR_OBJ: str(file), ImageMetaKey.SPATIAL_SHAPE: np.asarray(values.shape)}
    return MetaTensor(torch.from_numpy(values), affine=torch.from_numpy(affine), meta=meta)


def _check_whole(header: Any, file: Path) -> None:
    """The file is all of one image, and each value means the same."""
    parts = header.get("InConcatenationTotalNumber") or "several"
    if header.get("ConcatenationUID") and parts != 1:
        number = header.get("InConcatenationNumber")
        raise DataError(f"{file}: expected all frames in one file, found part {number} of {parts}; join the parts")
    if header.get("SegmentationType") == "FRACTIONAL":
        raise DataError(f"{file}: expected a mask, found a fractional segmentation; put a threshold on it")
    if (segments := len(header.get("SegmentSequence") or [])) > 1:
        raise DataError(f"{file}: expected one segment, found {segments}; export each as a file, or labels as NIfTI")


def _clear_unused_bits(header: Any) -> None:
    """Those above the stored ones, which may be an overlay or lack the sign; highdicom takes them for values."""
    unused = header.BitsAllocated - header.get("BitsStored", header.BitsAllocated)
    if unused <= 0 or header.file_meta.TransferSyntaxUID.is_encapsulated or header.BitsAllocated not in (8, 16, 32):
        return
    kind, order = "ui"[header.PixelRepresentation], "><"[header.file_meta.TransferSyntaxUID.is_little_endian]
    values = np.frombuffer(header.PixelData, f"{order}{kind}{header.BitsAllocated // 8}")
    header.PixelData = (values << unused >> unused).astype(values.dtype).tobytes()


def _place(header: Any, file: Path) -> tuple[np.ndarray, SliceStack, np.ndarray]:
    """The frames by their places, checked like slices in files of their own, and the affine, RAS."""
    groups = header.get("PerFrameFunctionalGroupsSequence") or []
    if len(groups) != header.NumberOfFrames:
        raise DataError(f"{file}: expected the places of {header.NumberOfFrames} frames, found those of {len(groups)}")
    shared = (header.get("SharedFunctionalGroupsSequence") or [{}])[0]
    positions, orientations, spacings = (
        np.array([_numbers(group, shared, k, file, *place) for k, group in enumerate(groups, 1)]) for place in _PLACES
    )
    if np.ptp(spacings, axis=0).max() > 1e-3 * spacings.max():
        raise DataError(f"{file}: expected one Pixel Spacing, found {np.unique(spacings, axis=0).tolist()}")
    order = np.argsort(positions @ np.cross(orientations[0, :3], orientations[0, 3:]), kind="stable")
    stack = SliceStack([file / f"frame {k + 1}" for k in order], positions[order], orientations[order])
    affine = np.eye(4)
    affine[:3, :2] = orientations[0].reshape(2, 3).T * spacings[0, ::-1]
    return order, stack, stack.put_into(RAS_TO_LPS @ affine)


def _numbers(group: Any, shared: Any, frame: int, file: Path, name: str, attribute: str, count: int) -> list[float]:
    """An attribute of the frame's own, or else of the shared functional groups."""
    item = (group.get(name) or shared.get(name) or [{}])[0]
    numbers = [float(v) for v in item.get(attribute) or []]
    if len(numbers) != count or not np.isfinite(numbers).all():
        raise DataError(f"{file}: expected {attribute} of frame {frame}, found {numbers or 'none'}")
    return numbers


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
    return frame_count(io)
