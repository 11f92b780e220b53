# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import shutil
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from monai_anomaly.transforms import LoadModalities
from monai_anomaly.utils import DataError
from tests.apps.dicom_study import write_enhanced, write_series

pydicom = pytest.importorskip("pydicom")
pytest.importorskip("highdicom")

VALUES = np.random.default_rng(0).integers(1, 900, (6, 8, 10)).astype(np.int16)
C, S = np.cos(np.radians(20)), np.sin(np.radians(20))
OBLIQUE = np.array([[0.0, -2.0, 0.0, 30], [2 * C, 0.0, -3 * S, -44], [2 * S, 0.0, 3 * C, 7], [0, 0, 0, 1]])
ORDERS = {
    "as stored": None,
    "turned": range(9, -1, -1),
    "two exchanged": [0, 1, 3, 2, 4, 5, 6, 7, 8, 9],
    "shuffled": np.random.default_rng(3).permutation(10).tolist(),
}


@pytest.fixture()
def scan(tmp_path: Path) -> Path:
    """A series of single slices, in a folder."""
    nib.save(nib.Nifti1Image(VALUES, OBLIQUE), tmp_path / "scan.nii.gz")
    write_series(tmp_path / "slices", tmp_path / "scan.nii.gz", 3, "T1")
    return tmp_path / "slices"


@pytest.mark.parametrize("order", ORDERS)
def test_frames_lie_where_single_slices_lie(scan: Path, tmp_path: Path, order: str) -> None:
    """Of a file and of a folder with it, whatever the order in which the frames are stored."""
    expected = LoadModalities()(scan)
    (file,) = write_enhanced(tmp_path / "enhanced", scan, ORDERS[order])
    (tmp_path / "enhanced" / "readme.txt").write_text("exported")
    for path in (file, file.parent):
        image = LoadModalities()(path)
        np.testing.assert_array_equal(image.numpy(), expected.numpy())
        np.testing.assert_allclose(image.affine, expected.affine, atol=1e-4)


@pytest.mark.parametrize("name", [".hidden", "DICOMDIR", "notes"])
def test_other_dicom_files_beside_it(scan: Path, tmp_path: Path, name: str) -> None:
    """A hidden copy, a directory of a disk, and what is no image do not count."""
    (file,) = write_enhanced(tmp_path / "enhanced", scan, ORDERS["shuffled"])
    other = file.with_name(name)
    if name == ".hidden":
        shutil.copy(file, other)
    else:
        header = pydicom.dcmread(file, specific_tags=["SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"])
        kinds = {"DICOMDIR": pydicom.uid.MediaStorageDirectoryStorage, "notes": pydicom.uid.RawDataStorage}
        header.SOPClassUID = header.file_meta.MediaStorageSOPClassUID = kinds[name]
        header.save_as(other)
    image, expected = LoadModalities()(file.parent), LoadModalities()(scan)
    np.testing.assert_array_equal(image.numpy(), expected.numpy())
    np.testing.assert_allclose(image.affine, expected.affine, atol=1e-4)


def test_a_file_without_its_first_bytes_is_refused(scan: Path, tmp_path: Path) -> None:
    """ITK reads it, as it is stored; pydicom does not."""
    (file,) = write_enhanced(tmp_path / "enhanced", scan, ORDERS["shuffled"])
    read = pydicom.Dataset()
    read.update(pydicom.dcmread(file))
    pydicom.dcmwrite(file, read, implicit_vr=True, little_endian=True)
    for path in (file, file.parent):
        with pytest.raises(DataError, match=f"{file}: expected frames of one volume, found 10 that are not: File is"):
            LoadModalities()(path)


def test_each_frame_has_its_own_scale(scan: Path, tmp_path: Path) -> None:
    (file,) = write_enhanced(tmp_path / "enhanced", scan)
    read = pydicom.dcmread(file)
    places = [float(g.PlanePositionSequence[0].ImagePositionPatient[2]) for g in read.PerFrameFunctionalGroupsSequence]
    for group in read.SharedFunctionalGroupsSequence:
        group.pop("PixelValueTransformationSequence", None)
    rank = np.argsort(np.argsort(places))  # of each frame among the slices from below
    for k, group in zip(rank, read.PerFrameFunctionalGroupsSequence, strict=True):
        scale = pydicom.Dataset()
        scale.RescaleSlope, scale.RescaleIntercept, scale.RescaleType = 1 + int(k), -5, "US"
        group.PixelValueTransformationSequence = [scale]
    read.save_as(file)
    image = LoadModalities()(file)[0].numpy()
    np.testing.assert_array_equal(image, VALUES * np.arange(1, 11, dtype=np.float32) - 5)


@pytest.mark.parametrize("signed", [0, 1])
def test_bits_that_are_not_used(scan: Path, tmp_path: Path, signed: int) -> None:
    """Twelve of sixteen: above them an overlay, or nothing where the sign would be."""
    (file,) = write_enhanced(tmp_path / "enhanced", scan)
    read = pydicom.dcmread(file)
    values = read.pixel_array.astype(int)
    stored = (values - 500) & 0xFFF if signed else values | 0x8000
    read.BitsStored, read.HighBit, read.PixelRepresentation = 12, 11, signed
    read.PixelData = stored.astype("<u2").tobytes()
    read.save_as(file)
    np.testing.assert_array_equal(LoadModalities()(file)[0].numpy(), VALUES - 500 * signed)


WRONG = {
    "missing": ([0, 1, 2, 4, 5, 6, 7, 8, 9], "expected slices at equal distances, found 1 missing: 6 mm behind frame"),
    "echoes": ([*range(10), *range(10)], "expected one slice at each position, found 10 more, frame 20 where frame"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_frames_that_are_not_one_volume_are_refused(scan: Path, tmp_path: Path, kind: str) -> None:
    frames, reason = WRONG[kind]
    (file,) = write_enhanced(tmp_path / "enhanced", scan, frames)
    with pytest.raises(DataError, match=f"{file}: {reason}"):
        LoadModalities()(file)


@pytest.mark.parametrize(
    ("name", "attribute"), [("PlanePosition", "ImagePositionPatient"), ("PixelMeasures", "PixelSpacing")]
)
def test_frames_without_a_place_are_refused(scan: Path, tmp_path: Path, name: str, attribute: str) -> None:
    (file,) = write_enhanced(tmp_path / "enhanced", scan)
    read = pydicom.dcmread(file)
    for group in (*read.SharedFunctionalGroupsSequence, *read.PerFrameFunctionalGroupsSequence):
        group.pop(f"{name}Sequence", None)
    read.save_as(file)
    with pytest.raises(DataError, match=f"{file}: expected {attribute} of frame 1, found none"):
        LoadModalities()(file)


def test_each_frame_has_a_header(scan: Path, tmp_path: Path) -> None:
    (file,) = write_enhanced(tmp_path / "enhanced", scan)
    read = pydicom.dcmread(file)
    del read.PerFrameFunctionalGroupsSequence[8:]
    read.save_as(file)
    with pytest.raises(DataError, match=f"{file}: expected the places of 10 frames, found those of 8"):
        LoadModalities()(file)


def test_a_tilt_is_kept(tmp_path: Path) -> None:
    """Of 2 degrees over 30 cm; as of single slices."""
    tilted = OBLIQUE.copy()
    tilted[:3, 2] += [1.5 * np.tan(np.radians(4)), 0, 0]
    nib.save(nib.Nifti1Image(np.tile(VALUES, 10), tilted), tmp_path / "scan.nii.gz")
    write_series(tmp_path / "slices", tmp_path / "scan.nii.gz", 3, "T1")
    (file,) = write_enhanced(tmp_path / "enhanced", tmp_path / "slices")
    with pytest.warns(UserWarning, match="tilted by 2.0 degrees"):
        expected = LoadModalities()(tmp_path / "slices")
    with pytest.warns(UserWarning, match=f"{file}: the slices are tilted by 2.0 degrees"):
        image = LoadModalities()(file)
    np.testing.assert_array_equal(image.numpy(), expected.numpy())
    np.testing.assert_allclose(image.affine, expected.affine, atol=1e-4)


def test_gaps_that_add_up_are_refused(tmp_path: Path) -> None:
    """Each is right to 0.1 mm, the middle of the volume 4 mm off."""
    nib.save(nib.Nifti1Image(np.tile(VALUES, 10), OBLIQUE), tmp_path / "scan.nii.gz")
    write_series(tmp_path / "slices", tmp_path / "scan.nii.gz", 3, "T1")
    (file,) = write_enhanced(tmp_path / "enhanced", tmp_path / "slices")
    read = pydicom.dcmread(file)
    normal = np.array([0, -3 * S, 3 * C]) / 3 * [-1, -1, 1]
    items = [group.PlanePositionSequence[0] for group in read.PerFrameFunctionalGroupsSequence]
    places = np.array([item.ImagePositionPatient for item in items], dtype=float)
    rank = np.argsort(np.argsort(places @ normal))
    for item, place, k in zip(items, places, rank, strict=True):
        item.ImagePositionPatient = [f"{v:.5f}" for v in place + 0.09 * (50 - abs(50 - k)) * normal]
    read.save_as(file)
    with pytest.raises(DataError, match=f"{file}: expected slices at equal distances, found 49 of 99"):
        LoadModalities()(file)


def test_headers_as_scanners_write_them(scan: Path, tmp_path: Path) -> None:
    """Orientations that differ in their last digits, and a dimension that is a private attribute."""
    (file,) = write_enhanced(tmp_path / "enhanced", scan)
    read = pydicom.dcmread(file)
    (shared,) = read.SharedFunctionalGroupsSequence
    given = [float(v) for v in shared.PlaneOrientationSequence[0].ImageOrientationPatient]
    del shared.PlaneOrientationSequence
    for k, group in enumerate(read.PerFrameFunctionalGroupsSequence):
        orientation = pydicom.Dataset()
        orientation.ImageOrientationPatient = [f"{v + 1e-6 * (k % 2):.7f}" for v in given]
        group.PlaneOrientationSequence = [orientation]
    dimension = pydicom.Dataset()
    dimension.DimensionIndexPointer, dimension.DimensionIndexPrivateCreator = 0x20051013, "Philips MR Imaging DD 005"
    read.DimensionIndexSequence = [dimension]
    read.save_as(file)
    image, expected = LoadModalities()(file), LoadModalities()(scan)
    np.testing.assert_array_equal(image.numpy(), expected.numpy())
    np.testing.assert_allclose(image.affine, expected.affine, atol=1e-4)


def test_a_part_of_an_image_is_refused(scan: Path, tmp_path: Path) -> None:
    """Frames that a scanner cut into several files."""
    tags = {"ConcatenationUID": pydicom.uid.generate_uid(), "InConcatenationNumber": 1, "InConcatenationTotalNumber": 2}
    (file,) = write_enhanced(tmp_path / "enhanced", scan, range(5), **tags)
    with pytest.raises(DataError, match=f"{file}: expected all frames in one file, found part 1 of 2; join"):
        LoadModalities()(file)


def test_segments_are_not_taken_for_one(scan: Path, tmp_path: Path) -> None:
    """Two labels of slices of their own."""
    (file,) = write_enhanced(tmp_path / "enhanced", scan, SegmentSequence=[pydicom.Dataset(), pydicom.Dataset()])
    with pytest.raises(DataError, match=f"{file}: expected one segment, found 2; export each"):
        LoadModalities()(file)


def test_a_folder_has_one_file_of_frames(scan: Path, tmp_path: Path) -> None:
    (file,) = write_enhanced(tmp_path / "enhanced", scan)
    shutil.copy(file, file.with_name("copy"))
    with pytest.raises(DataError, match="enhanced: expected slices, or one file of several frames, found 10 in"):
        LoadModalities()(file.parent)


def test_a_file_that_ends_early_is_refused(scan: Path, tmp_path: Path) -> None:
    (file,) = write_enhanced(tmp_path / "enhanced", scan)
    file.write_bytes(file.read_bytes()[:-200])
    with pytest.raises(DataError, match=str(file)):
        LoadModalities()(file)


def test_without_highdicom_it_is_named(scan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (file,) = write_enhanced(tmp_path / "enhanced", scan)
    monkeypatch.setitem(sys.modules, "highdicom", None)
    with pytest.raises(DataError, match=f"{file}: expected the package highdicom to read 10 frames in a file"):
        LoadModalities()(file)


def test_a_fractional_segmentation_is_no_mask(scan: Path, tmp_path: Path) -> None:
    (file,) = write_enhanced(tmp_path / "enhanced", scan, SegmentationType="FRACTIONAL")
    with pytest.raises(DataError, match=f"{file}: expected a mask, found a fractional segmentation"):
        LoadModalities()(file)
