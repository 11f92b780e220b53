# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..metrics import cluster_bootstrap
from ..metrics.summary import slice_mean

__all__ = ["benchmark_origin", "benchmark_table", "difference_cell", "paired_differences"]

Rows = Mapping[str, Mapping[str, Any]]
"""Checkpoint -> setting -> scores."""

COLUMNS = ("dice", "ap", "twin_error", "healthy_change", "denoiser_calls", "guide_calls", "seconds")
PAIRED = ("dice", "ap")


def paired_differences(
    rows: Rows, names: Sequence[str], subjects: Sequence[str], keys: Sequence[str] = PAIRED
) -> dict[str, dict[str, Any]]:
    """Each setting less the first one, on the same slices.

    The difference of a slice is the mean over the checkpoints that have both settings; a subject's slices, of all
    checkpoints, are drawn together.

    Args:
        rows: with the values of single slices, ``per_slice``.
        names: the settings; the first is the one the others are compared to.
        subjects: whose each slice is.
        keys: the scores, ``dice`` and ``ap`` of the translation.

    Returns:
        Setting -> the scores, each with ``value``, ``sd``, ``n`` (slices) and ``ci95``, and ``checkpoints``;
        without the settings that no checkpoint has beside the first.
    """
    interval = partial(cluster_bootstrap, clusters=np.asarray(subjects))
    result: dict[str, dict[str, Any]] = {}
    for name in names[1:]:
        both = [(r[name]["per_slice"], r[names[0]]["per_slice"]) for r in rows.values() if name in r and names[0] in r]
        if both:
            result[name] = {"less": names[0], "checkpoints": len(both)}
        for key in keys if both else ():
            ours, theirs = (np.array([pair[i][key] for pair in both], dtype=float) for i in (0, 1))
            result[name][key] = slice_mean((ours - theirs).mean(0), interval)
    return result


def benchmark_table(
    rows: Rows,
    names: Sequence[str],
    differences: Mapping[str, Mapping[str, Any]],
    subjects: Sequence[str],
    about: Mapping[str, Any],
) -> str:
    """Mean and standard deviation over the checkpoints; differences to the first setting; calls and time a slice.

    Args:
        rows: see :py:func:`paired_differences`.
        names: the settings, a row each.
        differences: result of :py:func:`paired_differences`.
        subjects: whose each test slice is.
        about: provenance of the benchmark.

    Returns:
        Markdown.
    """
    lines = [
        "| setting | Dice | Δ Dice (95 %) | AP | Δ AP (95 %) | twin error in lesion | change of healthy | denoiser"
        " | guide | s/slice | ratio |",
        "|" + " --- |" * 11,
    ]
    first: float | None = None
    for name in names:
        values = {c: np.array([r[name][c] for r in rows.values() if name in r], dtype=float) for c in COLUMNS}
        mean = {c: v.mean() for c, v in values.items()}
        first = first or mean["seconds"]
        cells = []
        for column in COLUMNS[:4]:
            cells.append(f"{mean[column]:.4f} ± {values[column].std():.4f}")
            if column in PAIRED:
                cells.append(difference_cell(differences.get(name, {}).get(column)))
        cells += [f"{mean['denoiser_calls']:.0f}", f"{mean['guide_calls']:.0f}", f"{mean['seconds']:.2f}"]
        lines.append(f"| {name} | {' | '.join(cells)} | {mean['seconds'] / first:.3f} |")
    note = (
        f"{len(rows)} checkpoint(s), mean ± sd over them; {len(subjects)} test slices of {len(set(subjects))}"
        " subject(s); Δ: less the first row, on the same slices and over all checkpoints, with the 95 % interval over"
        " subjects (the trainings are not drawn again);"
        f" {benchmark_origin(about)}."
    )
    return "\n".join([*lines, "", note, ""])


def difference_cell(score: Mapping[str, Any] | None) -> str:
    """A paired difference with its interval; a dash where there is none."""
    if score is None or score["value"] is None:
        return "-"
    interval = "" if score["ci95"] is None else " ({:+.3f} to {:+.3f})".format(*score["ci95"])
    return f"{score['value']:+.3f}{interval}"


def benchmark_origin(about: Mapping[str, Any]) -> str:
    """When and with what a benchmark was made; ``about`` is its provenance."""
    versions = f"git {about['git_revision']}, torch {about['versions']['torch']}"
    return f"{about['date']}, {versions}, {about['threads']} thread(s)"
