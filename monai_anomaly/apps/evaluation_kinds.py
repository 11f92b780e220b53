# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""What must be the same for the scores of several methods to be comparable, for each kind of evaluation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from ..metrics import AnomalyCases, SegmentationCases
from ..metrics.slice_cases import SliceCases

__all__ = ["ANOMALY", "SEGMENTATION", "EvaluationKind", "row_name"]

Cases = TypeVar("Cases", bound=SliceCases)
PIXELS, TRUTH = "lesion pixels of", "label and lesion pixels of"


@dataclass(frozen=True)
class EvaluationKind(Generic[Cases]):
    """A kind of evaluation, by what its files hold.

    Args:
        report: what its ``metrics.json`` is called.
        entries: those that a report must have.
        load: reads its saved slices from a path.
        compared: what of a report must be the same, in the order of the checks: name -> value. A name that only one of
            two reports has does not count.
        compared_of_cases: the part of this that is of the single slices, from the saved ones.
    """

    report: str
    entries: tuple[str, ...]
    load: Callable[[Path], Cases]
    compared: Callable[[Mapping[str, Any]], dict[str, Any]]
    compared_of_cases: Callable[[Cases], dict[str, dict[str, list[int]]]]


def row_name(row: Mapping[str, Any]) -> str:
    """What messages call the slice of a row of a report."""
    return f"{row['subject']} {row['slice']}"


def _segmentation(report: Mapping[str, Any]) -> dict[str, Any]:
    names = list(report["regions"])
    return {
        "regions": names,
        "pixels of a slice": report["counts"]["pixels_per_slice"],
        # they tell apart data sets that use the same names
        PIXELS: {row_name(row): [row[f"lesion_pixels_{name}"] for name in names] for row in report["cases"]},
        "settings": {key: report["settings"][key] for key in ("spacing_mm", "bins", "background", "data_range")},
        "brain pixels": report["counts"]["brain_pixels"],
        "validation slices with a lesion": report["counts"]["validation_slices_with_lesion"],
    }


def _segmentation_cases(cases: SegmentationCases) -> dict[str, dict[str, list[int]]]:
    return {PIXELS: _by_name(cases, cases.lesion_pixels.tolist())}


def _anomaly(report: Mapping[str, Any]) -> dict[str, Any]:
    settings = ("data_range", "background", "border", "min_lesion_pixels", "image_score")
    # a method that only classifies needs no validation slices
    validation = report["counts"].get("validation")
    return {
        "pixels of a slice": report["counts"]["test"]["pixels_per_slice"],
        TRUTH: {row_name(row): [row["label"], row["lesion_pixels"]] for row in report["cases"]},
        "settings": {key: report["settings"][key] for key in settings},
        **({} if validation is None else {"diseased validation slices": validation["diseased"]}),
    }


def _anomaly_cases(cases: AnomalyCases) -> dict[str, dict[str, list[int]]]:
    pairs = zip(cases["label"].tolist(), cases.lesion_pixels.tolist(), strict=True)
    return {TRUTH: _by_name(cases, [list(pair) for pair in pairs])}


def _by_name(cases: SliceCases, numbers: list[list[int]]) -> dict[str, list[int]]:
    return {" ".join(key): n for key, n in zip(cases.slice_keys, numbers, strict=True)}


SEGMENTATION = EvaluationKind(
    report="the report of a segmentation",
    entries=("settings", "counts", "regions", "cases", "provenance"),
    load=SegmentationCases.load,
    compared=_segmentation,
    compared_of_cases=_segmentation_cases,
)
ANOMALY = EvaluationKind(
    report="the report of anomaly maps",
    entries=("settings", "counts", "methods", "cases", "provenance"),
    load=AnomalyCases.load,
    compared=_anomaly,
    compared_of_cases=_anomaly_cases,
)
