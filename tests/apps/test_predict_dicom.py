# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from monai_anomaly.apps.dicom import predict_dicom
from monai_anomaly.data.examples import write_examples
from monai_anomaly.utils import DataError

from .dicom_study import write_enhanced, write_series, write_study

pydicom = pytest.importorskip("pydicom")
hd = pytest.importorskip("highdicom")

CASE, STUDY = "P7_20240501", "1.2.826.0.1.3680043.8.498.7"
FAST: dict[str, Any] = {"raw": False, "slice_range": [27, 29], "steps": 2, "resampling": None, "substeps": 1}
TURN = np.array([[0.0, -1.0, 0.0], [0.94, 0.0, -0.342], [0.342, 0.0, 0.94]])
"""A rotation: a sagittal-like, oblique scan."""


@pytest.fixture(scope="module")
def brain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Four contrasts of a generated person with a tumor."""
    folder = tmp_path_factory.mktemp("brain") / "phantom"
    phantom = {"spacing": 3.0, "lesions": ["tumour"]}
    sample = next(s for s in json.loads(write_examples(folder, phantom).read_text())["test"] if s["label"])
    return {name: folder / file for name, file in zip(("t1", "t1ce", "t2", "flair"), sample["image"], strict=True)}


@pytest.fixture(scope="module")
def predicted(brain: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A study with an oblique frame, beside one of another patient that lacks a contrast, and what became of them."""
    folder = tmp_path_factory.mktemp("study")
    study = folder / "in"
    write_study(study, {name: _turned(path, folder) for name, path in brain.items()})
    write_series(study, brain["t1"], 1, "3-plane localizer")
    other = {"PatientID": "P8", "StudyInstanceUID": "1.2.8", "PatientName": "Roe^Richard", "AccessionNumber": "A8"}
    write_study(study / "more", {name: brain[name] for name in ("t1", "t2", "flair")}, **other)
    (study / "DICOMDIR").write_bytes(b"no image")
    (study / "readme.txt").write_text("exported")
    predict_dicom("diffanomaly", study, folder / "out", **FAST)
    return study, folder / "out"


def _turned(path: Path, folder: Path) -> Path:
    """The same voxels, lying obliquely in the room."""
    image = nib.load(path)
    affine = image.affine.copy()
    affine[:3] = 0.9 * TURN @ affine[:3]
    nib.save(nib.Nifti1Image(image.get_fdata(), affine), folder / path.name)
    return folder / path.name


@pytest.mark.parametrize("name", ["mask", "map"])
def test_a_result_lies_where_the_nifti_of_it_lies(predicted: tuple[Path, Path], name: str) -> None:
    case = predicted[1] / CASE
    read = hd.seg.segread if name == "mask" else hd.imread
    image = read(case / f"{name}.dcm")
    volume = image.get_volume(combine_segments=True) if name == "mask" else image.get_volume()
    expected = nib.load(case / f"{name}.nii.gz")
    values = expected.get_fdata()
    assert values.any()
    found = np.transpose(volume.array, (2, 1, 0))
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ volume.affine[:, [2, 1, 0, 3]]
    # the same axes, some of them turned round
    to_file = np.rint(np.linalg.inv(expected.affine) @ affine)
    flips = [axis for axis in range(3) if to_file[axis, axis] < 0]
    np.testing.assert_allclose(expected.affine @ to_file, affine, atol=1e-3)
    np.testing.assert_allclose(np.flip(found, flips), values, atol=1e-6)


def test_itk_reads_the_segmentation_at_its_place(predicted: tuple[Path, Path]) -> None:
    itk = pytest.importorskip("itk")
    case = predicted[1] / CASE
    image = itk.imread(str(case / "mask.dcm"))
    values = itk.array_from_image(image)
    values.reshape(-1)[-8:] = 0  # GDCM fills the last byte of 1-bit pixels, where it is not whole, with what it likes
    found = np.argwhere(values > 0)[:, ::-1]
    points = np.array([image.TransformIndexToPhysicalPoint([int(i) for i in voxel]) for voxel in found])
    mask = nib.load(case / "mask.nii.gz")
    expected = nib.affines.apply_affine(mask.affine, np.argwhere(mask.get_fdata() > 0)) * [-1, -1, 1]
    assert len(found) == len(expected) > 0
    np.testing.assert_allclose(np.sort(points, axis=0), np.sort(expected, axis=0), atol=1e-2)
    np.testing.assert_allclose(points.mean(0), expected.mean(0), atol=1e-3)


def test_results_are_of_this_patient_and_no_other(predicted: tuple[Path, Path]) -> None:
    out = predicted[1]
    files = sorted(out.rglob("*.dcm"))
    assert [file.relative_to(out).as_posix() for file in files] == [f"{CASE}/map.dcm", f"{CASE}/mask.dcm"]
    series = json.loads((out / CASE / "series.json").read_text())
    assert series["study"] == STUDY and series["series"]["flair"]["series"] == '6 "AX T2 FLAIR"'
    for file in files:
        made = pydicom.dcmread(file)
        assert (made.PatientID, made.PatientName, made.StudyInstanceUID) == (
            "P7",
            "Doe^Jane",
            STUDY,
        )
        assert made.FrameOfReferenceUID == f"{STUDY}.1" and made.SeriesNumber > 6
        assert made.ReferencedSeriesSequence[0].SeriesInstanceUID == series["series"]["t1"]["uid"]
        assert made.ContentDescription == "research use only; demonstration weights, synthetic data"
        assert b"Roe" not in file.read_bytes() and b"1.2.8\x00" not in file.read_bytes()
    left_out = json.loads((out / "left_out_dicom.json").read_text())
    assert [entry["case"] for entry in left_out] == ["P8_20240501"]
    assert "t1ce: expected one series, found none among" in left_out[0]["reason"]


def test_a_study_of_enhanced_files(brain: dict[str, Path], tmp_path: Path) -> None:
    """A file for each series, the frames unsorted: the same result at the same place as of single slices."""
    write_study(tmp_path / "slices", {name: _turned(path, tmp_path) for name, path in brain.items()})
    shuffled = np.random.default_rng(0).permutation(len(list((tmp_path / "slices").iterdir())) // len(brain))
    write_enhanced(tmp_path / "in", tmp_path / "slices", shuffled.tolist())
    written = predict_dicom("diffanomaly", tmp_path / "in", tmp_path / "out", **FAST)
    predict_dicom("diffanomaly", tmp_path / "slices", tmp_path / "expected", **FAST)
    assert [path.name for path in written] == ["mask.dcm", "map.dcm"]
    found, expected = (nib.load(tmp_path / name / CASE / "map.nii.gz") for name in ("out", "expected"))
    np.testing.assert_allclose(found.affine, expected.affine, atol=1e-3)
    np.testing.assert_allclose(found.get_fdata(), expected.get_fdata(), atol=0.05)
    assert np.corrcoef(found.get_fdata().ravel(), expected.get_fdata().ravel())[0, 1] > 0.999
    segmentation = hd.seg.segread(tmp_path / "out" / CASE / "mask.dcm")
    (source,) = segmentation.ReferencedSeriesSequence[0].ReferencedInstanceSequence
    assert source.ReferencedSOPInstanceUID == pydicom.dcmread(tmp_path / "in" / "E03").SOPInstanceUID
    mask = nib.load(tmp_path / "out" / CASE / "mask.nii.gz")
    volume = segmentation.get_volume(combine_segments=True)
    marked = np.argwhere(volume.array > 0)
    points = nib.affines.apply_affine(np.diag([-1.0, -1.0, 1.0, 1.0]) @ volume.affine, marked)
    wanted = nib.affines.apply_affine(mask.affine, np.argwhere(mask.get_fdata() > 0))
    np.testing.assert_allclose(np.sort(points, axis=0), np.sort(wanted, axis=0), atol=1e-2)


def test_a_projection_without_a_frame_of_reference(tmp_path: Path) -> None:
    """An X-ray: no frame of reference, one file."""
    values = np.random.default_rng(0).integers(0, 1000, (64, 64, 1)).astype(np.float32)
    nib.save(nib.Nifti1Image(values, np.eye(4)), tmp_path / "a.nii.gz")
    none = {"FrameOfReferenceUID": None, "ImagePositionPatient": None, "ImageOrientationPatient": None}
    xray = {"SOPClassUID": pydicom.uid.DigitalXRayImageStorageForPresentation, "Modality": "DX"}
    write_series(tmp_path / "in", tmp_path / "a.nii.gz", 1, "PA", **xray, **none)
    written = predict_dicom("descargan", tmp_path / "in", tmp_path / "out", views=1)
    assert [path.name for path in written] == ["mask.dcm"]  # a parametric map needs a frame of reference
    mask = nib.load(tmp_path / "out" / CASE / "mask.nii.gz").get_fdata()
    np.testing.assert_array_equal(np.squeeze(pydicom.dcmread(written[0]).pixel_array).T, np.squeeze(mask))


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"series": {"t1c": 4}}, "--series: expected some of t1, t1ce, t2, flair, found t1c"),
        ({"series": {"t1ce": "*GAD*"}}, r"t1ce: expected one series named '\*GAD\*', found none among 3 \"AX T1 SE\""),
        ({"series": {"t1": "ax t1*"}}, r't1: expected one series named .*, found 2: 3 "AX T1 SE", 4 "AX T1 SE \+C"'),
        ({"series": {"t1": "*T1 SE", "t1ce": "*T1 SE"}}, "expected a series of its own for each contrast"),
        ({"series": {"t1ce": 5}}, r'expected a t1ce in the series named 5, found 5 "AX T2 TSE", which is a t2'),
        ({"shard": "1/2"}, "--shard: expected an option of the inference, found one that predict-dicom sets itself"),
        ({"series": "no.yaml"}, r"no\.yaml: expected series by contrast, JSON or YAML, found"),
        ({"bundle": "descargan", "raw": True}, "--raw: expected a bundle that preprocesses, found descargan"),
        ({"study": "nowhere"}, "nowhere: expected a folder with a DICOM study, found nothing"),
        ({"study": "empty"}, "empty: expected a DICOM study, found no file of a series of images"),
    ],
)
def test_what_is_wrong_is_named(
    options: dict[str, Any], reason: str, brain: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_study(tmp_path / "in", brain)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=reason):
        predict_dicom(**{"bundle": "diffanomaly", "study": "in", "out": tmp_path / "out", **FAST, **options})
    assert not list(tmp_path.rglob("*.dcm"))


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ("missing", "flair_6_AX_T2_FLAIR: expected slices at equal distances, found 1 missing"),
        ("short", r"flair_6_AX_T2_FLAIR: expected 55 files that can be read, found some damaged: .*IM060054"),
        ("frame", r'flair: expected the frame of reference of t1 3 "AX T1 SE", found another in 6 "AX T2 FLAIR"'),
        ("none", r'flair: expected one frame of reference in series 6 "AX T2 FLAIR", found none'),
        ("frames", "flair_6_AX_T2_FLAIR/0000_E06: expected slices at equal distances, found 1 missing"),
    ],
)
def test_a_study_that_is_no_set_of_volumes(wrong: str, reason: str, brain: dict[str, Path], tmp_path: Path) -> None:
    write_study(tmp_path / "in", {name: brain[name] for name in ("t1", "t1ce", "t2")})
    frame = {"frame": "1.2.3", "none": ""}
    tags = {"FrameOfReferenceUID": frame[wrong]} if wrong in frame else {}
    place = tmp_path / ("slices" if wrong == "frames" else "in")
    write_series(place, brain["flair"], 6, "AX T2 FLAIR", **tags)
    if wrong == "missing":
        (tmp_path / "in" / "IM060020").unlink()
    elif wrong == "frames":
        write_enhanced(tmp_path / "in", place, [k for k in range(55) if k != 20])
    elif wrong == "short":
        last = tmp_path / "in" / "IM060054"
        last.write_bytes(last.read_bytes()[:-3000])
    with pytest.raises(DataError, match=reason):
        predict_dicom("diffanomaly", tmp_path / "in", tmp_path / "out", **FAST)


def test_a_damaged_file_is_named_and_the_others_go_on(brain: dict[str, Path], tmp_path: Path) -> None:
    """And headers that lack what must be there, or say what DICOM does not know, are no reason for no result."""
    odd = {"StudyID": None, "AccessionNumber": None, "SliceThickness": None, "PatientSex": "W", "SeriesNumber": None}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        write_study(tmp_path / "in", brain, **odd)
    (tmp_path / "in" / "damaged").write_bytes((tmp_path / "in" / "IM030010").read_bytes()[:400])
    with pytest.warns(UserWarning, match="PatientSex is 'W', which DICOM does not know; it is left empty"):
        written = predict_dicom("diffanomaly", tmp_path / "in", tmp_path / "out", **FAST)
    assert pydicom.dcmread(written[0]).PatientSex == ""
    left_out = json.loads((tmp_path / "out" / "left_out_dicom.json").read_text())
    assert [entry["case"] for entry in left_out] == ["damaged"] and "expected a DICOM file" in left_out[0]["reason"]


def test_earlier_results_never_pass_for_new_ones(
    predicted: tuple[Path, Path], brain: dict[str, Path], tmp_path: Path
) -> None:
    out = shutil.copytree(predicted[1], tmp_path / "out")
    write_study(tmp_path / "in", {name: brain[name] for name in ("t1", "t2", "flair")})
    with pytest.raises(DataError, match=f"{CASE}: t1ce: expected one series, found none"):
        predict_dicom("diffanomaly", tmp_path / "in", out, **FAST)
    assert (out / CASE / "mask.nii.gz").is_file() and not list(out.rglob("*.dcm"))


def test_a_mapping_file_and_a_second_study_of_a_patient(brain: dict[str, Path], tmp_path: Path) -> None:
    """Two studies of one day are two cases, whatever else is there; descriptions that say nothing are named."""
    names = dict.fromkeys(brain, "axial")
    for i in (1, 2):
        write_study(tmp_path / "in" / str(i), brain, names, StudyInstanceUID=f"1.2.{i}")
    (tmp_path / "series.yaml").write_text("t1: 3\nt1ce: 4\nt2: 5\nflair: 6\n", encoding="utf-8")
    written = predict_dicom("diffanomaly", tmp_path / "in", tmp_path / "out", tmp_path / "series.yaml", **FAST)
    places = {path.parent.name: str(pydicom.dcmread(path).StudyInstanceUID) for path in written}
    assert sorted(places.values()) == ["1.2.1", "1.2.2"]
    letters = {uid: hashlib.sha256(uid.encode()).hexdigest()[:8] for uid in places.values()}
    assert places == {f"{CASE}_{end}": uid for uid, end in letters.items()}
