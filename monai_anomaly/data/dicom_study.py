# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..utils import DataError, as_path, walk

__all__ = ["DicomSeries", "DicomStudy", "read_studies"]

_TAGS = (
    "SOPClassUID",
    "PatientID",
    "StudyInstanceUID",
    "StudyDate",
    "SeriesInstanceUID",
    "SeriesNumber",
    "SeriesDescription",
    "ProtocolName",
    "Modality",
    "ContrastBolusAgent",
    "Rows",
)
_PARAMETRIC_MAP = "1.2.840.10008.5.1.4.1.1.30"  # has the modality of its source, or OT
_NO_IMAGES = ("SEG", "PR", "KO", "SR", "RTSTRUCT", "RTPLAN", "RTDOSE", "REG", "DOC", "OT")
_NO_AGENT = ("", "no", "none", "n", "nein", "0", "without")


@dataclass(frozen=True)
class DicomSeries:
    """Files of one series of images.

    Args:
        uid: Series Instance UID.
        number: Series Number, if any.
        description: Series Description, or else Protocol Name.
        modality: as DICOM has it, e.g. ``"MR"``.
        agent: a contrast agent was given, by its own attribute.
        files: in the order of their names.
    """

    uid: str
    number: int | None
    description: str
    modality: str
    agent: bool
    files: tuple[Path, ...]

    def __str__(self) -> str:
        return f'{"?" if self.number is None else self.number} "{self.description}"'


@dataclass(frozen=True)
class DicomStudy:
    """Series of one visit of one patient.

    Args:
        uid: Study Instance UID.
        patients: Patient ID; more than one only where files were mixed up.
        date: as YYYYMMDD; empty where none is told.
        series: those of images, by their numbers.
    """

    uid: str
    patients: tuple[str, ...]
    date: str
    series: tuple[DicomSeries, ...]

    @property
    def name(self) -> str:
        """Patient and date."""
        return "_".join(part for part in (*self.patients, self.date) if part) or self.uid


def read_studies(folder: str | os.PathLike) -> list[DicomStudy]:
    """The studies in a folder, at any depth, whatever the names of the files; only headers are read.

    Series without images, segmentations and parametric maps are passed over, and so are files that are no DICOM.

    Raises:
        DataError: there is no such folder, no series of images in it, or a file cannot be read.
        ModuleNotFoundError: pydicom is not installed.
    """
    root = as_path(folder, "study")
    if not root.is_dir():
        raise DataError(
            f"{root}: expected a folder with a DICOM study, found {'a file' if root.exists() else 'nothing'}"
        )
    found: dict[str, dict[str, list[tuple[Path, Any]]]] = {}
    for path in (path for _, files in walk(root) for path in files):
        header = _header(path)
        if header is not None:
            found.setdefault(header.StudyInstanceUID, {}).setdefault(header.SeriesInstanceUID, []).append(
                (path, header)
            )
    if not found:
        raise DataError(f"{root}: expected a DICOM study, found no file of a series of images")
    studies = [_study(uid, series) for uid, series in found.items()]
    return sorted(studies, key=lambda study: (study.name, study.uid))


def _header(path: Path) -> Any:
    """What is read of a file; None of one that is no image of a series."""
    import pydicom

    try:
        header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(_TAGS))
    except (pydicom.errors.InvalidDicomError, EOFError):
        return None
    except OSError as error:
        raise DataError(f"{path}: expected a file that can be read, found {error.strerror or error}") from error
    image = header.get("Rows") and header.get("StudyInstanceUID") and header.get("SeriesInstanceUID")
    other = header.get("Modality") in _NO_IMAGES or header.get("SOPClassUID") == _PARAMETRIC_MAP
    return header if image and not other else None


def _study(uid: str, series: dict[str, list[tuple[Path, Any]]]) -> DicomStudy:
    headers = [header for files in series.values() for _, header in files]
    patients = sorted({str(header.get("PatientID") or "").strip() for header in headers})
    read = [_series(name, files) for name, files in series.items()]
    ordered = sorted(read, key=lambda one: (one.number is None, one.number or 0, one.uid))
    return DicomStudy(uid, tuple(patients), str(headers[0].get("StudyDate") or ""), tuple(ordered))


def _series(uid: str, files: list[tuple[Path, Any]]) -> DicomSeries:
    first = files[0][1]
    number = first.get("SeriesNumber")
    return DicomSeries(
        uid=uid,
        number=None if number is None else int(number),
        description=str(first.get("SeriesDescription") or first.get("ProtocolName") or "").strip(),
        modality=str(first.get("Modality", "")),
        agent=any(str(h.get("ContrastBolusAgent") or "").strip().casefold() not in _NO_AGENT for _, h in files),
        files=tuple(path for path, _ in files),
    )
