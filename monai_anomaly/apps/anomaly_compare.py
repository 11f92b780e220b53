# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..handlers.anomaly_report import drawn_fields
from ..metrics import cluster_bootstrap
from ..metrics.summary import number, slice_mean
from ..utils import atomic_write, provenance
from ..visualize import difference_comparison_figure, find_cases, pick_cases
from .anomaly_compare_table import anomaly_compare_table
from .benchmark_file import write_benchmark
from .evaluation_kinds import ANOMALY
from .saved_evaluations import named_folders, read_cases, read_reports, read_training

__all__ = ["anomaly_compare"]

PAIRED = ("dice_average_otsu_truth", "dice_validation")
"""Columns of the table of cases that each method is compared to the first one in."""


def anomaly_compare(
    out: str | os.PathLike,
    *methods: str,
    rows: int = 3,
    slices: Sequence[tuple[str, str | int]] | None = None,
    channel: int = -1,
    resamples: int = 2000,
    rotate: bool = True,
) -> str:
    """Several methods of anomaly detection on the same test slices, side by side (thesis ch. 6, Table 1, 2, Fig. 5).

    Args:
        out: JSON to write; beside it the tables, as ``.md``, and the picture of the reconstruction and the signed
            difference of every method that has one, as ``.png``.
        methods: ``NAME=FOLDER`` of each, the folder with its ``metrics.json`` and, for the picture, ``cases.npz``
            (``save_cases`` of :py:func:`report_evaluation`); the first is what the others are compared to.
            ``NAME=FOLDER,FOLDER`` are trainings of one method that differ in their seed: the first of them stands in
            the tables, the spread of all has a table of its own.
        rows: slices of the picture, from the largest lesion to the smallest.
        slices: subject and slice of each row of the picture instead.
        channel: index of the image channel shown.
        resamples: of subjects, for the intervals of the paired differences.
        rotate: see `anomaly_examples_figure`.

    Returns:
        The tables.

    Raises:
        DataError: when a folder has no evaluation, or one of other slices or settings than the first; when a slice of
            the picture is in none.
        ValueError: when no method is given, or one is not ``NAME=FOLDER``.
    """
    folders = {name: [Path(f) for f in text.split(",")] for name, text in named_folders(methods).items()}
    runs = {f"{name} {i}": folder for name, several in folders.items() for i, folder in enumerate(several)}
    reports = read_reports(runs, ANOMALY)
    repeats = {name: [reports[f"{name} {i}"] for i in range(len(several))] for name, several in folders.items()}
    chosen = {name: several[0] for name, several in repeats.items()}
    first = next(iter(chosen.values()))
    result: dict[str, Any] = {
        "provenance": provenance(),
        "counts": {key: first["counts"]["test"][key] for key in ("slices", "diseased", "healthy", "subjects")},
        "methods": {
            name: {
                "folders": [str(folder) for folder in folders[name]],
                "provenance": report["provenance"],
                "settings": report["settings"],
                "training": read_training(folders[name][0]),
                "scores": next(iter(report["methods"].values())),
                "translation": report.get("translation", {}),
            }
            for name, report in chosen.items()
        },
        "baselines": _baselines(chosen),
        "comparisons": _comparisons(chosen, resamples),
        "seeds": {name: _spread(several) for name, several in repeats.items() if len(several) > 1},
        "slices": {key: [row[key] for row in first["cases"]] for key in ("subject", "slice")},
        "per_slice": {
            name: {key: [row[key] for row in report["cases"]] for key in PAIRED if key in report["cases"][0]}
            for name, report in chosen.items()
        },
    }
    _picture(Path(out), {name: several[0] for name, several in folders.items()}, chosen, slices, rows, channel, rotate)
    write_benchmark(out, result)
    table = anomaly_compare_table(result)
    with atomic_write(Path(out).with_suffix(".md")) as f:
        f.write(table)
    return table


def _baselines(reports: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """The same slices have the same baselines; one of each name is enough."""
    found: dict[str, Any] = {}
    for report in reports.values():
        for name in list(report["methods"])[1:]:
            found.setdefault(name, report["methods"][name])
    return found


def _comparisons(reports: Mapping[str, dict[str, Any]], resamples: int) -> dict[str, Any]:
    """The Dice of every method less that of the first one that has it, slice by slice."""
    cases = next(iter(reports.values()))["cases"]
    interval = partial(cluster_bootstrap, clusters=[row["subject"] for row in cases], resamples=resamples)
    found: dict[str, Any] = {}
    for key in PAIRED:
        dice = {
            name: np.array([row[key] for row in report["cases"]], dtype=float)
            for name, report in reports.items()
            if key in report["cases"][0]
        }
        for name in list(dice)[1:]:
            less = next(iter(dice))
            mean = slice_mean(dice[name] - dice[less], interval)
            found.setdefault(name, {"less": less})[key] = mean
    return found


def _spread(reports: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Mean and spread over trainings of each score that all of them have."""
    found: dict[str, Any] = {"seeds": [report["provenance"]["seed"] for report in reports], "scores": {}}
    flat = [_flat(report) for report in reports]
    for key in flat[0]:
        values = np.array([scores.get(key) for scores in flat], dtype=float)
        if np.isfinite(values).all():
            found["scores"][key] = {
                "value": float(values.mean()),
                "sd": number(values.std(ddof=1)),
                "min": float(values.min()),
                "max": float(values.max()),
                "values": values.tolist(),
            }
    return found


def _flat(report: Mapping[str, Any]) -> dict[str, Any]:
    """The method's own scores of a report: name -> value."""
    own, translation = next(iter(report["methods"].values())), report.get("translation", {})
    dice = {f"dice_{origin}": scores for origin, scores in own.get("dice", {}).items()}
    ranking = {key: own[key]["per_slice"] for key in ("pixel_auroc", "pixel_ap") if key in own}
    image = {key: scores for key, scores in own.items() if key.startswith("image_")}
    changes = {key: scores for key, scores in translation.items() if not key.startswith("input_")}
    return {key: scores["value"] for key, scores in {**dice, **ranking, **changes, **image}.items()}


def _picture(
    out: Path,
    folders: Mapping[str, Path],
    reports: Mapping[str, dict[str, Any]],
    slices: Sequence[tuple[str, str | int]] | None,
    rows: int,
    channel: int,
    rotate: bool,
) -> None:
    """Draw the methods that have a reconstruction, if any; only the slices that are drawn stay in memory."""
    wanted = None if slices is None else [(str(subject), str(index)) for subject, index in slices]
    few: dict[str, dict[str, np.ndarray]] = {}
    for name in (name for name, report in reports.items() if "translation" in report):
        cases = read_cases(folders[name], reports[name], ANOMALY)
        if wanted is None:
            picked = pick_cases(cases.lesion_pixels, cases.diseased(), cases.healthy_slices(), rows, healthy_rows=0)
            wanted = [cases.slice_keys[i] for i in picked]
        few[name] = drawn_fields(cases.subset(find_cases(cases, wanted, name)))
    if few:
        title = "Healthy reconstruction, and the difference to the input"
        difference_comparison_figure(out.with_suffix(".png"), few, channel, rotate, title)
