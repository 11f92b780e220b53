# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..utils import DataError, as_path, describe, walk
from .enhanced_header import ENHANCED_TAGS, enhanced_agent, enhanced_sequence, enhanced_type
from .spellings import plain_name

__all__ = ["DicomSeries", "DicomStudy", "read_studies"]

_TAGS = (
    "SOPClassUID",
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "StudyInstanceUID",
    "StudyDate",
    "SeriesInstanceUID",
    "SeriesNumber",
    "SeriesDescription",
    "ProtocolName",
    "Modality",
    "ImageType",
    "ScanningSequence",
    "ContrastBolusAgent",
    "FrameOfReferenceUID",
    "Rows",
    *ENHANCED_TAGS,
)
_PARAMETRIC_MAP = "1.2.840.10008.5.1.4.1.1.30"  # has the modality of its source, or OT
_NO_IMAGES = ("SEG", "PR", "KO", "SR", "RTSTRUCT", "RTPLAN", "RTDOSE", "REG", "DOC", "OT")
_NO_AGENT = re.compile(r"|0|-|n/?a|nil|none.*|no?|no contrast|without.*|ohne.*|keine?|nein|unknown", re.IGNORECASE)


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
        frames: the frames of reference of the files; none of a projection, one of a volume.
        image_type: values of Image Type, of all files.
        sequence: values of Scanning Sequence, such as ``"SE"``, ``"GR"``, ``"IR"``, of all files.
    """

    uid: str
    number: int | None
    description: str
    modality: str
    agent: bool
    files: tuple[Path, ...]
    frames: tuple[str, ...] = ()
    image_type: tuple[str, ...] = ()
    sequence: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f'{"?" if self.number is None else self.number} "{self.description}"'


@dataclass(frozen=True)
class DicomStudy:
    """Series of one visit of one patient.

    Args:
        uid: Study Instance UID.
        patient_id: Patient ID; empty where none is told.
        patients: Patient ID, or else name and birth date; more than one only where files were mixed up.
        date: as YYYYMMDD; empty where none is told.
        series: those of images, by their numbers.
    """

    uid: str
    patient_id: str
    patients: tuple[str, ...]
    date: str
    series: tuple[DicomSeries, ...]


def read_studies(folder: str | os.PathLike) -> tuple[list[DicomStudy], dict[str, str]]:
    """The studies in a folder, at any depth, whatever the names of the files; only headers are read.

    Series without images, segmentations and parametric maps are passed over, and so are files that are no DICOM.

    Returns:
        the studies, and why files could not be read that are DICOM by their first bytes, or cannot be opened.

    Raises:
        DataError: there is no such folder, or no series of images in it.
        ModuleNotFoundError: pydicom is not installed.
    """
    root = as_path(folder, "study")
    if not root.is_dir():
        what = "a file" if root.exists() else "nothing"
        raise DataError(f"{root}: expected a folder with a DICOM study, found {what}")
    found: dict[str, dict[str, list[tuple[Path, dict[str, Any]]]]] = {}
    problems: dict[str, str] = {}
    for path in (path for _, files in walk(root) for path in files):
        try:
            header = _header(path)
        except Exception as error:  # of a damaged file pydicom raises whatever its bytes lead to
            problems[str(path.relative_to(root))] = f"{path}: expected a DICOM file, found {describe(error)}"
            continue
        if header is not None:
            found.setdefault(header["study"], {}).setdefault(header["uid"], []).append((path, header))
    if not found:
        why = f"; {next(iter(problems.values()))}" if problems else ""
        raise DataError(f"{root}: expected a DICOM study, found no file of a series of images{why}")
    studies = [_study(uid, series) for uid, series in found.items()]
    return sorted(studies, key=lambda study: (study.patients, study.date, study.uid)), problems


def _header(path: Path) -> dict[str, Any] | None:
    """What is read of a file; None of one that is no DICOM, or no image of a series."""
    import pydicom

    with open(path, "rb") as f:
        named = f.read(132)[128:] == b"DICM"
    try:
        read = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(_TAGS))
    except (pydicom.errors.InvalidDicomError, EOFError):
        if named:
            raise
        return None
    kind = read.file_meta.get("MediaStorageSOPClassUID") or read.get("SOPClassUID")
    if read.get("Modality") in _NO_IMAGES or kind == _PARAMETRIC_MAP or (kind and "Image Storage" not in kind.name):
        return None
    if not read.get("Rows"):
        raise DataError("a header without Rows; does it end early?")
    if not (read.get("StudyInstanceUID") and read.get("SeriesInstanceUID")):
        raise DataError("no Study or Series Instance UID")
    number = str(read.get("SeriesNumber") or "").strip()
    identity = [str(read.get(name) or "").strip() for name in ("PatientName", "PatientBirthDate")]
    return {
        "study": str(read.StudyInstanceUID),
        "uid": str(read.SeriesInstanceUID),
        "patient_id": (patient := str(read.get("PatientID") or "").strip()),
        "patient": patient or plain_name(" ".join(filter(None, identity))),
        "date": str(read.get("StudyDate") or "").strip(),
        "number": int(number) if number.isdecimal() else None,
        "description": str(read.get("SeriesDescription") or read.get("ProtocolName") or "").strip(),
        "modality": str(read.get("Modality") or ""),
        "agent": not _NO_AGENT.fullmatch(str(read.get("ContrastBolusAgent") or enhanced_agent(read)).strip()),
        "frame": str(read.get("FrameOfReferenceUID") or "").strip(),
        "image_type": [*_values(read.get("ImageType")), *enhanced_type(read)],
        "sequence": [*_values(read.get("ScanningSequence")), *enhanced_sequence(read)],
    }


def _values(value: Any) -> list[str]:
    """Of an attribute with none, one or several, in capitals, each one word."""
    several = [value] if isinstance(value, str) or value is None else list(value)
    return [str(v).strip().upper().replace(" ", "_") for v in several if v]


def _study(uid: str, series: Mapping[str, list[tuple[Path, dict[str, Any]]]]) -> DicomStudy:
    headers = [header for files in series.values() for _, header in files]
    patients = tuple(sorted({header["patient"] for header in headers}))
    read = [_series(name, files) for name, files in series.items()]
    ordered = sorted(read, key=lambda one: (one.number is None, one.number or 0, one.uid))
    return DicomStudy(uid, headers[0]["patient_id"], patients, headers[0]["date"], tuple(ordered))


def _series(uid: str, files: list[tuple[Path, dict[str, Any]]]) -> DicomSeries:
    headers = [header for _, header in files]
    first = headers[0]
    return DicomSeries(
        uid=uid,
        number=first["number"],
        description=first["description"],
        modality=first["modality"],
        agent=any(header["agent"] for header in headers),
        files=tuple(path for path, _ in files),
        frames=tuple(sorted({header["frame"] for header in headers if header["frame"]})),
        image_type=tuple(sorted({value for header in headers for value in header["image_type"]})),
        sequence=tuple(sorted({value for header in headers for value in header["sequence"]})),
    )
