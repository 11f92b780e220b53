# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..utils import DataError

__all__ = ["match_patient", "name_patients", "patient_note"]

# public sets whose names hold the patient and then the visit or the image
_KNOWN = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?:^|[/_])(sub-[a-z0-9]+)(?=[/_]|$)",  # BIDS
        r"(?:^|/)(BraTS-[a-z]+(?:-[a-z]+)*-\d+)-\d+",  # BraTS 2023 and later, with the number of the visit
        r"(?:^|[/_])(TCGA[-_][a-z0-9]{2}[-_][a-z0-9]{4})(?![a-z0-9])",
        r"(?:^|/)(UPENN-GBM-\d{5})_\d{2}(?=[/_]|$)",
        r"(?:^|/)(UCSF-PDGM-\d+)_FU\d+d?(?=[/_]|$)",
        r"(?:^|/)(\d{8})_\d{3}$",  # NIH ChestX-ray14
        r"(?:^|[/_])(\d{3}_S_\d{4,5})(?=[/_]|$)",  # ADNI
        r"(?:^|/)(OAS[12]_\d{4})(?=[/_]|$)",
        r"(?:^|/)(person\d+)_(?:bacteria|virus)_\d+$",  # Kermany's chest X-rays
    )
]
_YEAR, _MONTH, _DAY = r"(?:19|20)\d\d", r"(?:0[1-9]|1[0-2])", r"(?:0[1-9]|[12]\d|3[01])"
# 2019-03-04, 20190304, 20190304_1530 and 04.03.2019; a month may stand behind its day or before it
_ORDERS = [f"{_YEAR}{sign}{_MONTH}{sign}{_DAY}" for sign in ("", "-", r"\.", "_")]
_ORDERS += [f"{_DAY}{sign}{_DAY}{sign}{_YEAR}" for sign in ("-", r"\.", "_")]
_DATE = rf"(?:{'|'.join(_ORDERS)})(?:[T_-]?(?:[01]\d|2[0-3])[0-5]\d(?:[0-5]\d)?)?"
_WORDS = "ses|session|visit|week|month|day|time|timepoint|tp|followup|fu"
_NUMBERED = rf"(?:(?:{_WORDS})[-_]?\d+|{_DATE})"
_VISITS = rf"(?:(?:{_WORDS}|baseline|pre|post)[-_]?\d*|{_DATE})"
_SLICES = r"(?:slice|slc|sl|z|frame)[-_]?\d+"
# these are also parts of other names: only behind a number, which is that of the patient
_SHORT = r"(?:(?:v|m|mr)\d+|(?:scan|run)[-_]?\d*|bl|l|r|left|right|od|os)"
_END = re.compile(
    rf"(?:(?:^|[_\-. ])(?:{_VISITS}|{_SLICES}))+$|(?<=\d)(?:[_\-. ](?:{_VISITS}|{_SLICES}|{_SHORT}))+$", re.IGNORECASE
)
# with a number before it: of a patient, where it could also be of a site or a study, which all patients have
_MIDDLE = re.compile(rf"(?<=\d)[_\-. ]{_NUMBERED}[_\-. ].*$", re.IGNORECASE)
_COUNTED = re.compile(r"(.*\d)[_\-. ]+\d+")
# folders that name a part of a set
_PARTS = ("hgg", "lgg", "train", "training", "val", "valid", "validation", "test", "testing", "anat", "images", "data")


def name_patients(
    files: Sequence[Path],
    stems: Sequence[str],
    root: Path,
    pattern: str | None = None,
    folder_first: bool = False,
) -> list[str]:
    """The patient of each case, read from the path of a file below the folder of the set.

    Known are BIDS, BraTS from 2023 on, TCGA, UPENN-GBM, UCSF-PDGM, ADNI, OASIS, ChestX-ray14 and Kermany's chest
    X-rays. Of other names a visit or a slice at the end is taken off (``_week-012``, ``_1998.08.01``, ``_slice_80``),
    and a visit within with all behind it (``P7_Timepoint_1_brain``). Short marks of a visit or a side (``_V1``,
    ``_M12``, ``_MR1``, ``_scan1``, ``_run1``, ``_BL``, ``_L``, ``_right``, ``_OD``) are taken off behind a number
    alone. Where nothing is left, or all cases have one name, the patient is the first folder below ``root``, likewise
    without its visit, that names more than a visit and no part of the set. Doubt joins two patients rather than parts
    the visits of one.

    Args:
        files: one per case.
        stems: the name of each case, perhaps empty.
        root: the folder of the set.
        pattern: regular expression that finds the patient in the path below ``root`` instead: its first group, or all
            that it matches.
        folder_first: the folder counts before the name.

    Raises:
        DataError: the pattern is no regular expression, or does not match a path.
    """
    below = [path.relative_to(root) for path in files]
    if pattern is not None:
        return [match_patient(pattern, str(path), part.as_posix()) for path, part in zip(files, below, strict=True)]
    same = len(files) > 1 and len({stem.casefold() for stem in stems}) == 1
    patients = []
    for part, stem in zip(below, stems, strict=True):
        folders = [name for name in part.parts[:-1] if name.lower() not in _PARTS]
        guesses = ["" if same else _without_visit(stem), next(filter(None, map(_without_visit, folders)), "")]
        if folder_first:
            guesses.reverse()
        known = _known(part.parent.as_posix(), stem)
        patients.append(next(name for name in (known, *guesses, stem, *folders[:1], root.resolve().name) if name))
    return patients


def patient_note(files: Sequence[Path], patients: Sequence[str], root: Path, pattern: str | None) -> list[str]:
    """What to say about how the patients were found, with an example, and where it may be wrong; nothing when the user
    said how.

    A warning when all cases have become one patient, who cannot be split.
    """
    counts = Counter(patients)
    if len(counts) == 1 and len(files) > 1:
        return [
            f"WARNING: all {len(files)} cases are read as one patient, {patients[0]!r}, and stay in one section;"
            " --subject REGEX finds the patient in the path, like --subject '(P[0-9]+)'"
        ]
    if pattern is not None or not files:
        return []
    example = max(range(len(files)), key=lambda i: counts[patients[i]])
    return [
        f"patients read from the names, e.g. {files[example].relative_to(root).as_posix()} is of"
        f" {patients[example]!r}; --subject REGEX says otherwise",
        *_counted_images(counts),
    ]


def _counted_images(patients: Iterable[str]) -> list[str]:
    """A warning where the names of patients end in a second number (``p01_080``), which may count the slices of one;
    not where all begin alike, as those of BraTS 2021 do."""
    groups: dict[str, list[str]] = {}
    for patient in sorted(patients):
        if _known("", patient) is None and (match := _COUNTED.fullmatch(patient)):
            groups.setdefault(match.group(1), []).append(patient)
    several = [names for names in groups.values() if len(names) > 1]
    if len(groups) < 2 or not several:
        return []
    first, second = several[0][:2]
    return [
        f"WARNING: {first} and {second} count as two patients; if the last number is that of a slice or a view,"
        r" images of one patient come into several sections: --subject '([^/]+)[_-]\d+' joins them"
    ]


def _known(folder: str, stem: str) -> str | None:
    for pattern in _KNOWN:
        if match := pattern.search(stem) or pattern.search(folder):
            return match.group(1)
    return None


def _without_visit(stem: str) -> str:
    return _MIDDLE.sub("", _END.sub("", stem))


def match_patient(pattern: str, case: str, below: str) -> str:
    """The patient that a regular expression finds in a path: its first group, or all that it matches.

    Args:
        pattern: the expression.
        case: what is read, for the message.
        below: the path.

    Raises:
        DataError: the pattern is no regular expression, or finds nothing.
    """
    try:
        match = re.search(pattern, below)
    except re.error as error:
        raise DataError(f"--subject {pattern!r}: expected a regular expression, found {error}") from error
    found = (match.group(1) if match.groups() else match.group()) if match else None
    if not found:
        raise DataError(f"{case}: expected '{below}' to match the subject pattern {pattern!r}, found no match")
    return found
