# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Whether the files of a DICOM folder are one volume, and where it lies."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..utils import DataError

__all__ = ["SliceStack", "find_series", "frame_count", "read_slice_stack"]

_SERIES_DATE = "0008|0021"  # the same search as that of MONAI's ITKReader, so that its files are those checked
_POSITION, _ORIENTATION = "0020|0032", "0020|0037"
_TOLERANCE = 0.1  # mm; as for the corners of files of one sample
_SHARE = 0.05  # of the distance between two slices; scanners round
_TILT = 0.1  # degrees


class SliceStack:
    """Slices of one series, in the order of their positions.

    A reader that takes the distance between the first two slices for all, as ITK's does, puts a volume with a gap
    up to centimeters away, and one of a tilted gantry is cut off square. So the positions are checked one by one, and
    the affine is taken from them.

    Args:
        files: of the slices, in order.
        positions: of their first voxel, (N, 3), mm, LPS.
        orientations: directions of their rows and columns, (N, 6), LPS.

    Raises:
        DataError: when slices are missing, doubled, unevenly spaced, or not parallel.
    """

    def __init__(self, files: Sequence[str | os.PathLike], positions: np.ndarray, orientations: np.ndarray) -> None:
        self.files = [Path(f) for f in files]
        self.positions = positions
        folder = self.files[0].parent
        turned = np.abs(orientations - orientations[0]).max(axis=1) > 1e-3
        if turned.any():
            raise DataError(
                f"{folder}: expected parallel slices, found {int(turned.sum()) + 1} orientations or more,"
                f" one in {self.files[int(turned.argmax())].name}; keep one view in the folder"
            )
        self.normal = np.cross(orientations[0, :3], orientations[0, 3:])
        self._check_gaps(folder)
        self.step = (positions[-1] - positions[0]) / (len(positions) - 1)
        self._check_line(folder)

    @property
    def tilt(self) -> float:
        """Angle between the way from slice to slice and the normal of the slices, degrees."""
        cosine = abs(float(self.step @ self.normal)) / float(np.linalg.norm(self.step))
        return float(np.degrees(np.arccos(min(1.0, cosine))))

    def put_into(self, affine: np.ndarray) -> np.ndarray:
        """An affine (4, 4), RAS, with the way from slice to slice and the origin of the positions."""
        exact = np.array(affine, dtype=float)
        flip = np.array([-1.0, -1.0, 1.0])  # LPS to RAS
        exact[:3, 2], exact[:3, 3] = flip * self.step, flip * self.positions[0]
        return exact + 0.0  # no -0

    def warn_about_tilt(self) -> None:
        if self.tilt > _TILT:
            warnings.warn(
                f"{self.files[0].parent}: the slices are tilted by {self.tilt:.1f} degrees; the affine is sheared,"
                " which ITK-based viewers cannot show",
                stacklevel=3,
            )

    def _check_gaps(self, folder: Path) -> None:
        along = self.positions @ self.normal
        order = np.argsort(along, kind="stable")
        gaps = np.diff(along[order])
        doubled = np.flatnonzero(gaps < _TOLERANCE)
        if len(doubled):
            names = [self.files[order[doubled[0] + i]].name for i in (0, 1)]
            raise DataError(
                f"{folder}: expected one slice at each position, found {len(doubled)} more, {names[1]} where"
                f" {names[0]} lies; keep one volume (echo, time, copy) in the folder"
            )
        usual = float(np.median(gaps))
        wide = np.flatnonzero(np.abs(gaps - usual) > max(_TOLERANCE, _SHARE * usual))
        if not len(wide):
            return
        whole = np.rint(gaps[wide] / usual)
        even = np.abs(gaps[wide] - whole * usual).max() <= max(_TOLERANCE, _SHARE * usual) and whole.min() > 1
        found = f"{int((whole - 1).sum())} missing" if even else f"{len(wide)} of {len(gaps)} gaps of another size"
        first, behind = wide[0], self.files[order[wide[0]]].name
        raise DataError(
            f"{folder}: expected slices at equal distances, found {found}: {gaps[first]:.3g} mm behind {behind} where"
            f" {usual:.3g} mm are usual; complete the series, or resample it to equal distances"
        )

    def _check_line(self, folder: Path) -> None:
        # out of order, too, slices lie beside their places
        line = self.positions[0] + np.arange(len(self.positions))[:, None] * self.step
        off = np.linalg.norm(self.positions - line, axis=1)
        if off.max() > max(_TOLERANCE, _SHARE * float(np.linalg.norm(self.step))):
            name = self.files[int(off.argmax())].name
            raise DataError(f"{folder}: expected slices along a line, found {name} {off.max():.3g} mm beside it")


def find_series(folder: str | os.PathLike) -> list[Path]:
    """The files of the one DICOM series in a folder, as ITK sorts them.

    Raises:
        DataError: when there is no series, or more than one.
    """
    import itk

    names = itk.GDCMSeriesFileNames.New()
    names.SetUseSeriesDetails(True)
    names.AddSeriesRestriction(_SERIES_DATE)
    names.SetDirectory(str(folder))
    series = list(names.GetSeriesUIDs())
    if not series:
        raise DataError(f"{folder}: expected a folder with a DICOM series, found none in it")
    if len(series) > 1:
        each = ", ".join(f"{len(f)} files with {Path(f[0]).name}" for f in map(names.GetFileNames, series[:5]))
        raise DataError(f"{folder}: expected one DICOM series, found {len(series)} ({each}): a folder for each")
    return [Path(file) for file in names.GetFileNames(series[0])]


def read_slice_stack(folder: str | os.PathLike) -> SliceStack | None:
    """The slices of a folder with one DICOM series; None of a single file, which is an image by itself.

    Raises:
        DataError: when there is no series, more than one, or slices that are not one volume.
    """
    files = find_series(folder)
    if len(files) == 1:
        return None
    tags = [_read_tags(file) for file in files]
    stack = SliceStack(files, np.array([t[0] for t in tags]), np.array([t[1] for t in tags]))
    stack.warn_about_tilt()
    return stack


def frame_count(io: Any) -> int:
    """How many frames ITK found in a file whose information it has read."""
    return int(io.GetDimensions(2)) if io.GetNumberOfDimensions() > 2 else 1


def _read_tags(file: Path) -> tuple[list[float], list[float]]:
    """Position and orientation of a slice."""
    import itk

    io = itk.GDCMImageIO.New()
    io.SetFileName(str(file))
    io.ReadImageInformation()
    if (frames := frame_count(io)) > 1:
        raise DataError(f"{file.parent}: expected slices, or one file of several frames, found {frames} in {file.name}")
    header = io.GetMetaDataDictionary()
    found = []
    for tag, length in ((_POSITION, 3), (_ORIENTATION, 6)):
        numbers = [float(v) for v in str(header[tag]).split("\\")] if header.HasKey(tag) else []
        if len(numbers) != length or not np.isfinite(numbers).all():
            what = "position" if tag == _POSITION else "orientation"
            raise DataError(f"{file}: expected the {what} of the slice ({tag.replace('|', ',')}), found none")
        found.append(numbers)
    return found[0], found[1]
