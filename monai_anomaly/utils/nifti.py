# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""NIfTI headers say twice where an image lies; results say it in the words of their source."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.spatialimages import HeaderDataError

from .affines import corner_distance, voxel_size
from .errors import DataError
from .files import atomic_path
from .suffixes import NIFTI, is_image

__all__ = ["ALIGNED", "MNI", "NiftiGeometry", "check_intact", "read_geometry", "read_nifti", "write_nifti"]

ALIGNED, MNI = 2, 4
"""Codes of NIfTI: the space of another file, and that of MNI152."""

_MILLIMETERS = {1: 1e3, 3: 1e-3}  # of a unit; no unit counts as mm, as everywhere
_QFORM = ("qform_code", "quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z")
_SFORM = ("sform_code", "srow_x", "srow_y", "srow_z")
_ERRORS = (
    OSError,
    EOFError,
    ValueError,
    OverflowError,  # of an axis with fewer than no voxels
    zlib.error,
    nib.filebasedimages.ImageFileError,
    HeaderDataError,
)


@dataclass(frozen=True)
class NiftiGeometry:
    """Where the header of a NIfTI file says the image lies.

    Programs differ in which of the two forms they believe, and in what they do without any. So a result on the grid
    of an image keeps all of them: then it opens where the image does, whatever the program.

    Attributes:
        shape: spatial, up to three entries.
        pixdim: the first four entries of the field: handedness and voxel size, in the file's unit.
        fields: qform, sform, their codes and the unit, as the fields of the header; whole numbers, floats and lists.
    """

    shape: list[int]
    pixdim: list[float]
    fields: dict[str, Any]

    @classmethod
    def of(cls, header: nib.Nifti1Header) -> NiftiGeometry:
        """That of a header."""
        fields = {name: np.asarray(header[name]).tolist() for name in ("xyzt_units", *_QFORM, *_SFORM)}
        return cls([int(n) for n in header.get_data_shape()[:3]], header["pixdim"][:4].tolist(), fields)

    def write(self, header: nib.Nifti1Header) -> None:
        """Put it into the header of another image of this shape."""
        pixdim = header["pixdim"].copy()
        pixdim[:4] = self.pixdim
        header["pixdim"] = pixdim
        for name, value in self.fields.items():
            header[name] = value

    @property
    def unit(self) -> float:
        """Millimeters of the unit of length."""
        return _MILLIMETERS.get(int(self.fields["xyzt_units"]) % 8, 1.0)

    @property
    def affine(self) -> np.ndarray:
        """(4, 4), voxel to mm: sform, else qform, else the middle of the image at 0; as nibabel, but in mm, and without
        an sform that cannot be inverted where there is a qform."""
        header = self._header()
        found = header.get_best_affine()
        if header["qform_code"] > 0 and not abs(np.linalg.det(found)) > 0:
            found = header.get_qform()
        return self._scaled(found)

    @property
    def disagreement(self) -> float:
        """Largest distance [mm] between where sform and qform put a corner; 0 where only one of them counts."""
        header = self._header()
        if not (header["qform_code"] > 0 and header["sform_code"] > 0):
            return 0.0
        return corner_distance(self._scaled(header.get_sform()), self._scaled(header.get_qform()), self.shape)

    def lies_at(self, affine: np.ndarray, shape: Sequence[int]) -> bool:
        """Whether an image is on this grid, to a hundredth of a voxel."""
        if [*self.shape, 1, 1][:3] != [*shape, 1, 1][:3]:
            return False
        return corner_distance(self.affine, affine, self.shape) < 0.01 * voxel_size(affine).min()

    def _header(self) -> nib.Nifti2Header:
        header = nib.Nifti2Header()  # holds any shape
        header.set_data_shape(self.shape)
        self.write(header)
        return header

    def _scaled(self, affine: np.ndarray) -> np.ndarray:
        scaled: np.ndarray = np.diag([self.unit] * 3 + [1.0]) @ affine
        return scaled


def read_geometry(path: Any) -> NiftiGeometry | None:
    """The geometry in the header of a NIfTI file; None of any other file, and where there is none.

    Raises:
        DataError: when the values are colors or complex numbers, which no image here can be, or when the suffix says
            the wrong thing about compression.
    """
    path = Path(str(path))
    if not is_image(path, NIFTI) or not path.is_file():
        return None
    try:
        _check_compression(path)
        image: Any = nib.load(path)
        dtype = image.get_data_dtype()
        geometry = NiftiGeometry.of(image.header)
    except DataError:
        raise
    except _ERRORS as error:
        raise DataError(f"{path}: expected a readable image, found {type(error).__name__}: {error}") from error
    if dtype.names or dtype.kind == "c":
        found = "colors: convert it to gray" if dtype.names else "complex numbers: save their magnitude"
        raise DataError(f"{path}: expected one real number per voxel, found {found}")
    return geometry


def read_nifti(path: str | os.PathLike, what: str) -> tuple[np.ndarray, NiftiGeometry]:
    """The values of a file, as they are stored or scaled by its header, and where it lies.

    Args:
        path: of the file.
        what: is expected there, for the message, e.g. ``"a brain mask"``.

    Raises:
        DataError: it cannot be read.
    """
    try:
        image = nib.Nifti1Image.from_filename(path)
        return np.asanyarray(image.dataobj), NiftiGeometry.of(image.header)
    except _ERRORS as error:
        raise DataError(f"{path}: expected {what} in NIfTI, found {type(error).__name__}: {error}") from error


def check_intact(path: str | os.PathLike) -> None:
    """Compare what a file compressed by gzip holds with the checksum at its end, which nibabel does not look at.

    Raises:
        DataError: when it is damaged or cut off. Other files have no checksum and pass.
    """
    if not str(path).lower().endswith(".gz"):
        return
    try:
        with gzip.open(path) as f:
            while f.read(2**20):
                pass
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: expected an intact file, found a damaged one ({error}); copy it again") from error


def write_nifti(
    path: str | os.PathLike,
    values: np.ndarray,
    affine: np.ndarray,
    source: NiftiGeometry | None = None,
    code: int = ALIGNED,
    intent: str = "none",
) -> None:
    """Write an image, whole or not at all.

    Args:
        path: ends in ``.nii.gz`` or ``.nii``.
        values: (X, Y), (X, Y, Z), (X, Y, Z, C), or of vectors (X, Y, Z, 1, D).
        affine: (4, 4), voxel to mm.
        source: of the image the result belongs to. On its grid the result keeps both its forms, their codes and the
            unit; elsewhere, and without it, both forms say ``affine``, but only the sform can say a sheared one.
        code: of the forms, where they do not come from the source.
        intent: what the values mean, a name that nibabel knows, e.g. ``vector``.
    """
    affine = np.asarray(affine, dtype=np.float64)
    header = nib.Nifti1Image(values, affine).header
    if source is not None and source.lies_at(affine, values.shape[:3]):
        source.write(header)
    else:
        _set_both(header, affine, code)
    header.set_intent(intent)
    with atomic_path(path) as temporary:
        nib.save(nib.Nifti1Image(values, None, header), temporary)  # an affine would replace the header's forms


def _set_both(header: nib.Nifti1Header, affine: np.ndarray, code: int) -> None:
    header.set_xyzt_units("mm")
    header.set_sform(affine, code)
    try:
        header.set_qform(affine, code, strip_shears=False)
    except HeaderDataError:
        header.set_qform(None, 0)


def _check_compression(path: Path) -> None:
    with open(path, "rb") as f:
        zipped = f.read(2) == b"\x1f\x8b"
    named = path.name.lower().endswith(".gz")
    if zipped and not named:
        raise DataError(f"{path}: expected NIfTI, found a file compressed by gzip: rename it to .nii.gz")
    if named and not zipped and path.stat().st_size:
        raise DataError(f"{path}: expected a file compressed by gzip, found none: rename it to .nii, or compress it")
