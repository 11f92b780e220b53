# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""DICOM studies as an archive exports them, made of NIfTI volumes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

DESCRIPTIONS = {"t1": "AX T1 SE", "t1ce": "AX T1 SE +C", "t2": "AX T2 TSE", "flair": "AX T2 FLAIR"}


def write_series(folder: Path, nifti: Path, number: int = 1, description: str = "", **tags: Any) -> str:
    """One series of MR of a NIfTI volume whose third axis runs through the slices, its files among those of others in
    the folder, with names that say nothing; values that are no whole numbers are rounded to 1/1000 of the largest;
    a tag that is None is left out.

    Returns:
        its Series Instance UID.
    """
    pydicom = pytest.importorskip("pydicom")
    image = nib.load(nifti)
    whole, values = image.get_data_dtype().kind in "iu", image.get_fdata()
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ image.affine
    steps = np.linalg.norm(affine[:3, :3], axis=0)
    cosines = affine[:3, :3] / steps
    series, scale = pydicom.uid.generate_uid(), 1.0 if whole else 1000 / max(float(values.max()), 1e-9)
    folder.mkdir(parents=True, exist_ok=True)
    for k in np.random.default_rng(number).permutation(values.shape[2]):
        ds = pydicom.Dataset()
        ds.update(
            {
                "SOPClassUID": pydicom.uid.MRImageStorage,
                "SOPInstanceUID": pydicom.uid.generate_uid(),
                "Modality": "MR",
                "ImageType": ["ORIGINAL", "PRIMARY", "M"],
                "PatientID": "P7",
                "PatientName": "Doe^Jane",
                "PatientBirthDate": "19700101",
                "PatientSex": "F",
                "StudyInstanceUID": "1.2.826.0.1.3680043.8.498.7",
                "StudyDate": "20240501",
                "StudyTime": "101500",
                "StudyID": "1",
                "AccessionNumber": "A7",
                "ReferringPhysicianName": "",
                "FrameOfReferenceUID": "1.2.826.0.1.3680043.8.498.7.1",
                "SeriesInstanceUID": series,
                "SeriesNumber": number,
                "SeriesDescription": description,
                "InstanceNumber": int(k) + 1,
                "ImagePositionPatient": [f"{v:.6f}" for v in affine[:3, 3] + k * affine[:3, 2]],
                "ImageOrientationPatient": [f"{v:.6f}" for v in (*cosines[:, 0], *cosines[:, 1])],
                "PixelSpacing": [f"{steps[1]:.6f}", f"{steps[0]:.6f}"],
                "SliceThickness": f"{steps[2]:.6f}",
                "Rows": values.shape[1],
                "Columns": values.shape[0],
                "SamplesPerPixel": 1,
                "PhotometricInterpretation": "MONOCHROME2",
                "BitsAllocated": 16,
                "BitsStored": 16,
                "HighBit": 15,
                "PixelRepresentation": 0,
                "PixelData": np.rint(values[:, :, k].T * scale).clip(0).astype("<u2").tobytes(),
                **tags,
            }
        )
        for name in [name for name, value in tags.items() if value is None]:
            delattr(ds, name)
        ds.file_meta = pydicom.dataset.FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        ds.save_as(folder / f"IM{number:02d}{k:04d}", enforce_file_format=True)
    return series


def write_study(
    folder: Path, files: Mapping[str, Path], descriptions: Mapping[str, str] = DESCRIPTIONS, **tags: Any
) -> dict[str, str]:
    """A study with a series for each contrast, all in one folder; the UIDs of the series by contrast."""
    return {
        name: write_series(folder, path, number, descriptions.get(name, name), **tags)
        for number, (name, path) in enumerate(files.items(), 3)
    }


def write_enhanced(folder: Path, series: Path, frames: Sequence[int] | None = None, **tags: Any) -> list[Path]:
    """Each series of a folder of `write_series` as one file, as enhanced scanners write it.

    Args:
        folder: for the files.
        series: a folder of `write_series` or `write_study`.
        frames: which there are, in which order; by default all, in that of highdicom.
        tags: what else their headers say.
    """
    pydicom = pytest.importorskip("pydicom")
    hd = pytest.importorskip("highdicom")
    from highdicom.legacy import LegacyConvertedEnhancedMRImage

    slices: dict[str, list[Any]] = {}
    for path in sorted(series.iterdir()):
        read = pydicom.dcmread(path)
        read.PositionReferenceIndicator, read.Manufacturer, read.BurnedInAnnotation = "", "x", "NO"
        read.PatientPosition, read.AcquisitionNumber, read.ContentQualification = "HFS", 1, "RESEARCH"
        slices.setdefault(read.SeriesInstanceUID, []).append(read)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for each in slices.values():
        number = int(each[0].SeriesNumber)
        made = LegacyConvertedEnhancedMRImage(each, hd.UID(), number, hd.UID(), 1)
        made.SeriesDescription = each[0].SeriesDescription
        if frames is not None:
            groups = made.PerFrameFunctionalGroupsSequence
            made.PixelData = np.ascontiguousarray(made.pixel_array[list(frames)]).tobytes()
            made.PerFrameFunctionalGroupsSequence = [groups[k] for k in frames]
            made.NumberOfFrames = len(frames)
        made.update(tags)
        made.save_as(folder / f"E{number:02d}")
        written.append(folder / f"E{number:02d}")
    return written
