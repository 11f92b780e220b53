# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..metrics import SegmentationCases, cluster_bootstrap
from ..metrics.segmentation.report import ONE_SAMPLE, THRESHOLD
from ..metrics.summary import slice_mean
from ..utils import atomic_write, provenance
from ..visualize import find_cases, pick_cases, uncertainty_comparison_figure
from .benchmark_file import write_benchmark
from .evaluation_kinds import SEGMENTATION
from .saved_evaluations import named_folders, read_cases, read_reports, read_training
from .segmentation_compare_table import segmentation_compare_table

__all__ = ["segmentation_compare"]


def segmentation_compare(
    out: str | os.PathLike,
    *methods: str,
    rows: int = 3,
    slices: Sequence[tuple[str, str | int]] | None = None,
    resamples: int = 2000,
    rotate: bool = True,
) -> str:
    """Several segmentation methods on the same test slices, side by side (thesis ch. 5, Table 1 and Fig. 5).

    Args:
        out: JSON to write; beside it the tables, as ``.md``, and the picture of the uncertainty of every method, as
            ``.png`` (of the first region, ``_<name>.png`` of each other).
        methods: ``NAME=FOLDER`` of each, the folder with its ``metrics.json`` and ``cases.npz``; the first is what the
            others are compared to.
        rows: slices of the picture, from the largest region to the smallest.
        slices: subject and slice of each row of the picture instead, e.g. ``[("sub-0018", 29)]``.
        resamples: of subjects, for the intervals of the paired differences.
        rotate: see `anomaly_examples_figure`.

    Returns:
        The tables.

    Raises:
        DataError: when a folder has no evaluation, or one of other slices or regions than the first; when a slice of
            the picture is in none.
        ValueError: when no method is given, or one is not ``NAME=FOLDER``.
    """
    folders = {name: Path(folder) for name, folder in named_folders(methods).items()}
    reports = read_reports(folders, SEGMENTATION)
    first = next(iter(reports.values()))
    result: dict[str, Any] = {
        "provenance": provenance(),
        "counts": {key: first["counts"][key] for key in ("slices", "subjects")},
        "methods": {
            name: {
                "folder": str(folders[name]),
                "provenance": report["provenance"],
                "settings": report["settings"],
                "training": read_training(folders[name]),
            }
            for name, report in reports.items()
        },
        "slices": {key: [row[key] for row in first["cases"]] for key in ("subject", "slice")},
        "regions": {region: _region(region, reports, resamples) for region in first["regions"]},
    }
    _pictures(Path(out), folders, reports, slices or rows, rotate)
    write_benchmark(out, result)
    table = segmentation_compare_table(result)
    with atomic_write(Path(out).with_suffix(".md")) as f:
        f.write(table)
    return table


def _region(region: str, reports: Mapping[str, dict[str, Any]], resamples: int) -> dict[str, Any]:
    """The scores of every method, and of one sample of those that have several, for one region."""
    rows: dict[str, dict[str, Any]] = {}
    dice: dict[str, list[float | None]] = {}
    for name, report in reports.items():
        scores = report["regions"][region]["methods"]
        ensemble = f"{name} (ensemble of {report['counts']['samples']})" if ONE_SAMPLE in scores else name
        rows[ensemble], dice[ensemble] = next(iter(scores.values())), _column(report, f"dice_{region}")
        if ONE_SAMPLE in scores:
            one = f"{name} ({ONE_SAMPLE})"
            rows[one], dice[one] = scores[ONE_SAMPLE], _column(report, f"dice_{region} ({ONE_SAMPLE})")
    # the same slices have the same baseline; one is enough
    for report in (r for r in reports.values() if THRESHOLD in r["regions"][region]["methods"]):
        rows.setdefault(THRESHOLD, report["regions"][region]["methods"][THRESHOLD])
        dice.setdefault(THRESHOLD, _column(report, f"dice_{region} ({THRESHOLD})"))
    report = next(iter(reports.values()))
    subjects = np.asarray([row["subject"] for row in report["cases"]])
    interval = partial(cluster_bootstrap, clusters=subjects, resamples=resamples)
    reference, *others = dice
    values = {name: np.array(column, dtype=float) for name, column in dice.items()}
    return {
        "counts": report["regions"][region]["counts"],
        "methods": rows,
        "comparisons": {
            name: {"less": reference, "dice": slice_mean(values[name] - values[reference], interval)} for name in others
        },
        "of_the_mean": {
            name: {part: _scores(report["regions"][region][part]) for part in ("calibration", "uncertainty")}
            for name, report in reports.items()
        },
        "per_slice": dice,
    }


def _column(report: Mapping[str, Any], column: str) -> list[float | None]:
    return [row[column] for row in report["cases"]]


def _scores(part: Mapping[str, Any]) -> dict[str, Any]:
    """Without the curves, which ``metrics.json`` has."""
    return {key: entry for key, entry in part.items() if isinstance(entry, Mapping) and "value" in entry}


def _pictures(
    out: Path,
    folders: Mapping[str, Path],
    reports: Mapping[str, dict[str, Any]],
    rows: int | Sequence[tuple[str, str | int]],
    rotate: bool,
) -> None:
    """Draw the uncertainty of all methods; only the slices that are drawn stay in memory."""
    regions = list(next(iter(reports.values()))["regions"])
    picked: list[list[tuple[str, str]]] = []
    if not isinstance(rows, int):
        picked = [[(str(subject), str(index)) for subject, index in rows]] * len(regions)
    few: dict[str, SegmentationCases] = {}
    for name, folder in folders.items():
        cases = read_cases(folder, reports[name], SEGMENTATION)
        keys = cases.slice_keys
        if isinstance(rows, int) and not few:
            sizes = cases.lesion_pixels.T
            picked = [[keys[i] for i in pick_cases(s, s > 0, s == 0, rows, healthy_rows=0)] for s in sizes]
        wanted = list(dict.fromkeys(key for chosen in picked for key in chosen))
        few[name] = cases.subset(find_cases(cases, wanted, name))
    for k, region in enumerate(regions):
        path = out.with_suffix(".png") if k == 0 else out.with_name(f"{out.stem}_{region}.png")
        drawn = {name: cases.subset(find_cases(cases, picked[k], name)) for name, cases in few.items()}
        uncertainty_comparison_figure(path, drawn, region=k, rotate=rotate, title=f"Uncertainty: {region}")
