# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from ..utils import DataError, listed
from .dicom_study import DicomSeries, DicomStudy
from .names import SPELLINGS
from .series_contrast import contrast_of

__all__ = ["check_frames", "choose_series"]


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
        DataError: the files of two patients are mixed, a contrast has no series or more than one, the mapping names
            something else than the channels, or by a number a series that is by its description another contrast.
    """
    if len(study.patients) > 1:
        raise DataError(f"expected a study of one patient, found {listed(map(repr, study.patients))}")
    wanted = dict(mapping or {})
    if unknown := [name for name in wanted if name not in modalities]:
        raise DataError(f"--series: expected some of {listed(modalities)}, found {listed(unknown)}")
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
            raise DataError(f"{name}: expected one series{rule}, found {shown}; name it with --series")
        chosen[name] = found[0]
        _check_number(name, found[0], wanted.get(name))
    if len({series.uid for series in chosen.values()}) < len(chosen):
        shown = ", ".join(f"{name} {series}" for name, series in chosen.items())
        raise DataError(f"expected a series of its own for each contrast, found {shown}")
    return chosen


def check_frames(chosen: Mapping[str, DicomSeries], registered: bool) -> None:
    """Refuse series that are no volumes in one space.

    Args:
        chosen: the series of each contrast.
        registered: whether they will be registered, so that each may have a frame of its own.

    Raises:
        DataError: a series of several files has no frame of reference, or two; or those of two contrasts differ.
    """
    for name, series in chosen.items():
        if len(series.files) > 1 and len(series.frames) != 1:
            found = len(series.frames) or "none"
            raise DataError(f"{name}: expected one frame of reference in series {series}, found {found}")
    (first, reference), *others = chosen.items()
    for name, series in others:
        if not registered and series.frames != reference.frames:
            raise DataError(
                f"{name}: expected the frame of reference of {first} {reference}, found another in {series}; without"
                " --raw False the series are registered"
            )


def _fits(series: DicomSeries, rule: Any) -> bool:
    text = str(rule)
    if text in (series.uid, str(series.number)):
        return True
    return fnmatchcase(series.description.casefold(), text.casefold())


def _check_number(name: str, series: DicomSeries, rule: Any) -> None:
    """A number may be that of another series in the next study."""
    known = contrast_of(series)
    if str(rule) == str(series.number) and known not in (None, name):
        raise DataError(
            f"{name}: expected a {name} in the series named {rule!r}, found {series}, which is a {known} by its header;"
            " name it by its description or Series Instance UID if it is one"
        )
