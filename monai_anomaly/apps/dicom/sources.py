# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = ["read_sources"]

# attributes that an image must have, perhaps empty, and that what is derived from it repeats
_DATE, _TIME = re.compile(r"|\d{8}"), re.compile(r"|\d\d(\d\d(\d\d(\.\d{1,6})?)?)?")
_REPEATED = {
    "PatientID": re.compile(r".{0,64}"),
    "PatientName": re.compile(r".*"),
    "PatientBirthDate": _DATE,
    "PatientSex": re.compile(r"[MFO]?"),
    "StudyDate": _DATE,
    "StudyTime": _TIME,
    "StudyID": re.compile(r".{0,16}"),
    "AccessionNumber": re.compile(r".{0,16}"),
    "ReferringPhysicianName": re.compile(r".*"),
}


def read_sources(files: Sequence[Path]) -> list[Any]:
    """The headers of a series, fit to be repeated: attributes that are absent become empty, as DICOM has it, and so do,
    with a warning, those with a value that DICOM does not know.

    Args:
        files: of the series.
    """
    import pydicom

    sources = [pydicom.dcmread(file, stop_before_pixels=True) for file in files]
    for name, known in _REPEATED.items():
        value = str(sources[0].get(name) or "").strip()
        unknown = known.fullmatch(value) is None
        if unknown:
            warnings.warn(f"{files[0]}: {name} is {value!r}, which DICOM does not know; it is left empty", stacklevel=2)
        if unknown or name not in sources[0]:
            for source in sources:
                setattr(source, name, "")
    for source in sources:
        if "SliceThickness" not in source:
            source.SliceThickness = source.get("SpacingBetweenSlices")
    return sources
