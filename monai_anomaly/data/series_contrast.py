# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from ..utils import DataError, listed
from .dicom_study import DicomSeries, DicomStudy
from .names import SPELLINGS

__all__ = ["choose_series", "contrast_of"]

_WEIGHTING = {
    "flair": re.compile(r"\b(flair|dark ?fluid)\b"),
    "t2": re.compile(r"\bt2w?\b"),
    "t1": re.compile(r"\b(t1w?|mp ?rage|bravo|f?spgr)\b"),
}
# what is computed from scans, or shows something else; GE's "T1 FLAIR" is left to the mapping, as two weightings are
_OTHER = re.compile(
    r"\b(e?adc|dwi|trace\w*|dti|fa|swi|gre|perf\w*|dsc|dce|asl|cbf|cbv|mtt|ttp|mra|mrv|tof|loc|localizer|scout|survey"
    r"|sub|subtraction|mip|mpr|reformat\w*|phase|field ?map|map|fmri|bold|cine|calibration)\b|t2 ?(\*|star\b)"
)
_AFTER = re.compile(r"\b(post|ce|gd|gad\w*|km|contrast|enhanced|c\+)|\+ ?(c|gd|k|km)\b")
_BEFORE = re.compile(r"\b(pre|nati(v|ve|f)|unenhanced|non ?contrast|non ?enhanced|without|w ?o|ohne|sans)\b")


def contrast_of(series: DicomSeries) -> str | None:
    """Which of t1, t1ce, t2 and flair a series of MR is, by its description and the attribute of the contrast agent;
    None where that says nothing, or two things."""
    words = re.sub(r"[\s_\-./,;:()]+", " ", series.description.casefold()).strip()
    if series.modality != "MR" or _OTHER.search(words):
        return None
    found = [name for name, pattern in _WEIGHTING.items() if pattern.search(words)]
    if found == ["flair", "t2"]:
        return "flair"
    if len(found) != 1:
        return None
    if found != ["t1"]:
        return found[0]
    before, after = _BEFORE.search(words), _AFTER.search(words)
    if before:
        return None if re.search(r"\bpost\b", words) else "t1"
    return "t1ce" if after or series.agent else "t1"


def choose_series(
    study: DicomStudy, modalities: Sequence[str], mapping: Mapping[str, Any] | None = None
) -> dict[str, DicomSeries]:
    """The series of each contrast.

    Args:
        study: with the series.
        modalities: names of the channels, in order.
        mapping: contrast -> Series Number, Series Instance UID, or Series Description, whatever its capitals, with
            ``*`` and ``?``; those not named are found by `contrast_of`. One channel that is no contrast of brain MR is
            the only series there is.

    Raises:
        DataError: the files of two patients are mixed, a contrast has no series or more than one, or the mapping names
            something else than the channels.
    """
    if len(study.patients) > 1:
        raise DataError(f"{study.name}: expected a study of one patient, found {listed(map(repr, study.patients))}")
    wanted = dict(mapping or {})
    if unknown := [name for name in wanted if name not in modalities]:
        raise DataError(f"series: expected some of {listed(modalities)}, found {listed(unknown)}")
    named = {name: [s for s in study.series if _fits(s, rule)] for name, rule in wanted.items()}
    taken = {series.uid for found in named.values() for series in found}
    chosen: dict[str, DicomSeries] = {}
    for name in modalities:
        others = [series for series in study.series if series.uid not in taken]
        alone = len(modalities) == 1 and name not in SPELLINGS
        found = named[name] if name in named else [s for s in others if alone or contrast_of(s) == name]
        if len(found) != 1:
            rule = f" named {wanted[name]!r}" if name in wanted else ""
            shown = f"{len(found)}: {listed(found)}" if found else f"none among {listed(study.series, 12)}"
            raise DataError(f"{study.name}: {name}: expected one series{rule}, found {shown}; name it with --series")
        chosen[name] = found[0]
    if len({series.uid for series in chosen.values()}) < len(chosen):
        shown = ", ".join(f"{name} {series}" for name, series in chosen.items())
        raise DataError(f"{study.name}: expected a series of its own for each contrast, found {shown}")
    return chosen


def _fits(series: DicomSeries, rule: Any) -> bool:
    text = str(rule)
    if text in (series.uid, str(series.number)):
        return True
    return fnmatchcase(series.description.casefold(), text.casefold())
