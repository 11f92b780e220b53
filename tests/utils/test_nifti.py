# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Results open where their source does, in nibabel and in ITK, which believe different forms of a header."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from monai_anomaly.utils import DataError, read_geometry, read_nifti, write_nifti

SHAPE = (5, 6, 7)
SFORM = np.array([[-2.0, 0, 0, 30], [0, -3, 0, 20], [0, 0, 4, -10], [0, 0, 0, 1]])
C, S = np.cos(0.4), np.sin(0.4)
QFORM = SFORM @ np.array([[C, -S * 1.5, 0, 4], [S / 1.5, C, 0, -3], [0, 0, 1, 2], [0, 0, 0, 1]])
SHEARED = SFORM @ np.array([[1, 0.2, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])

FORMS: dict[str, dict[str, Any]] = {  # (matrix, code) of each form
    "disagree": {"qform": (QFORM, 1), "sform": (SFORM, 4)},
    "qform only": {"qform": (QFORM, 1), "sform": (None, 0)},
    "sform only": {"qform": (None, 0), "sform": (SFORM, 3)},
    "neither": {"qform": (None, 0), "sform": (None, 0)},
    "both": {"qform": (SFORM, 2), "sform": (SFORM, 1)},
    "microns": {"qform": (SFORM, 1), "sform": (SFORM, 1), "unit": "micron"},
    "seconds": {"qform": (SFORM, 1), "sform": (SFORM, 1), "unit": "mm", "time": "sec"},
}


def write_source(path: Path, kind: str, header: type = nib.Nifti1Header, endianness: str = "<") -> None:
    """A file with the forms of a kind."""
    forms = FORMS[kind]
    head = header(endianness=endianness)
    head.set_data_dtype(np.int16)
    image = nib.Nifti1Image(np.zeros(SHAPE, np.int16), None, head)
    image.header.set_zooms((2, 3, 4))
    for form in ("qform", "sform"):
        matrix, code = forms[form]
        getattr(image.header, f"set_{form}")(matrix, code)
    image.header.set_xyzt_units(forms.get("unit"), forms.get("time"))
    nib.save(image, path)


def corners(path: Path) -> np.ndarray:
    """Of a volume, as ITK sees them."""
    itk = pytest.importorskip("itk")
    image = itk.imread(str(path))
    ends = itertools.product(*[(0, n - 1) for n in SHAPE])
    return np.array([image.TransformIndexToPhysicalPoint(list(end)) for end in ends])


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", FORMS)
def test_a_result_on_the_grid_of_its_source_opens_where_it_does(tmp_path: Path, kind: str, channels: int) -> None:
    source, out = tmp_path / "source.nii.gz", tmp_path / "out.nii.gz"
    write_source(source, kind, endianness=">" if kind == "both" else "<")
    geometry = read_geometry(source)
    assert geometry is not None
    values = np.random.default_rng(0).random((*SHAPE, channels)[: 3 + (channels > 1)]).astype(np.float32)
    write_nifti(out, values, geometry.affine, geometry)
    old, new = nib.load(source), nib.load(out)
    np.testing.assert_array_equal(new.affine, old.affine)
    np.testing.assert_array_equal(new.get_fdata(dtype=np.float32), values)
    for name in ("qform_code", "sform_code", "xyzt_units"):
        assert new.header[name] == old.header[name]
    np.testing.assert_array_equal(new.header["pixdim"][:4], old.header["pixdim"][:4])
    if channels == 1:
        np.testing.assert_array_equal(corners(out), corners(source))


@pytest.mark.parametrize("kind", ["disagree", "neither", "microns"])
def test_elsewhere_both_forms_say_the_affine(tmp_path: Path, kind: str) -> None:
    write_source(tmp_path / "source.nii.gz", kind)
    moved = np.diag([1.0, 1, 1, 1])
    moved[:3, 3] = 100, 50, 0
    write_nifti(tmp_path / "out.nii.gz", np.zeros(SHAPE, np.uint8), moved, read_geometry(tmp_path / "source.nii.gz"))
    header = nib.load(tmp_path / "out.nii.gz").header
    for form in (header.get_sform, header.get_qform):
        matrix, code = form(coded=True)
        np.testing.assert_allclose(matrix, moved, atol=1e-5)
        assert code == 2
    assert header.get_xyzt_units()[0] == "mm"
    np.testing.assert_allclose(corners(tmp_path / "out.nii.gz")[0], [-100, -50, 0])


def test_a_sheared_affine_is_kept_by_the_form_that_can(tmp_path: Path) -> None:
    write_nifti(tmp_path / "out.nii", np.zeros(SHAPE, np.uint8), SHEARED, code=1)
    image = nib.load(tmp_path / "out.nii")
    np.testing.assert_allclose(image.affine, SHEARED, atol=1e-6)
    assert (image.header["qform_code"], image.header["sform_code"]) == (0, 1)


def test_the_geometry_is_in_millimeters(tmp_path: Path) -> None:
    write_source(tmp_path / "a.nii.gz", "microns")
    geometry = read_geometry(tmp_path / "a.nii.gz")
    assert geometry is not None and geometry.unit == 1e-3
    np.testing.assert_allclose(geometry.affine[:3], SFORM[:3] / 1000, rtol=1e-5)


def test_an_sform_of_zeros_gives_way_to_the_qform(tmp_path: Path) -> None:
    write_source(tmp_path / "a.nii.gz", "disagree")
    image = nib.load(tmp_path / "a.nii.gz")
    image.header.set_sform(np.diag([0.0, 0, 0, 1]), 1)
    nib.save(nib.Nifti1Image(np.zeros(SHAPE, np.int16), None, image.header), tmp_path / "b.nii.gz")
    geometry = read_geometry(tmp_path / "b.nii.gz")
    assert geometry is not None
    np.testing.assert_allclose(geometry.affine, QFORM, atol=1e-5)


def test_the_forms_are_as_far_apart_as_their_corners(tmp_path: Path) -> None:
    found = {}
    for kind in FORMS:
        write_source(tmp_path / "a.nii.gz", kind)
        geometry = read_geometry(tmp_path / "a.nii.gz")
        assert geometry is not None
        found[kind] = geometry.disagreement
    ends = np.array([(*end, 1) for end in itertools.product(*[(0, n - 1) for n in SHAPE])])
    assert found.pop("disagree") == pytest.approx(np.linalg.norm(ends @ (QFORM - SFORM).T, axis=1).max(), rel=1e-4)
    assert max(found.values()) < 1e-4


def test_other_files_have_no_geometry(tmp_path: Path) -> None:
    assert read_geometry(tmp_path) is None and read_geometry(tmp_path / "missing.nii.gz") is None
    (tmp_path / "a.png").write_bytes(b"")
    assert read_geometry(tmp_path / "a.png") is None and read_geometry("") is None


COLORS = np.zeros(SHAPE, dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])


@pytest.mark.parametrize(("values", "found"), [(COLORS, "colors"), (np.zeros(SHAPE, np.complex64), "complex numbers")])
def test_what_no_image_can_be_is_named(tmp_path: Path, values: np.ndarray, found: str) -> None:
    nib.save(nib.Nifti1Image(values, np.eye(4)), tmp_path / "a.nii.gz")
    with pytest.raises(DataError, match=rf"a\.nii\.gz: expected one real number per voxel, found {found}"):
        read_geometry(tmp_path / "a.nii.gz")


@pytest.mark.parametrize(("written", "named"), [("nii.gz", "nii"), ("nii", "nii.gz")])
def test_a_suffix_that_is_wrong_about_compression(tmp_path: Path, written: str, named: str) -> None:
    write_source(tmp_path / f"a.{written}", "both")
    (tmp_path / f"a.{written}").rename(tmp_path / f"b.{named}")
    with pytest.raises(DataError, match=rf"b\.{named}: expected .*gzip.*rename it to \.{written}"):
        read_geometry(tmp_path / f"b.{named}")


@pytest.mark.parametrize("axis", [-1, -251, 32767])
def test_a_header_of_impossible_axes_is_named(tmp_path: Path, axis: int) -> None:
    file = tmp_path / "scan.nii"
    write_nifti(file, np.ones(SHAPE, np.int16), SFORM)
    stored = bytearray(file.read_bytes())
    stored[42:44] = np.int16(axis).tobytes()
    file.write_bytes(stored)
    with pytest.raises(DataError, match=f"{file}: expected a mask in NIfTI, found "):
        read_nifti(file, "a mask")
