# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import csv
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monai_anomaly.utils import atomic_write

__all__ = ["report_table", "write_report"]

DICE_TITLES = {
    "validation": "Dice val.",
    "average_otsu": "avg. Otsu",
    "per_image_otsu": "img. Otsu",
    "healthy_quantile": "healthy q.",
    "oracle": "oracle",
}
RANKING_TITLES = {"pixel_auroc": "AUROC", "pixel_ap": "AP"}
IMAGE_TITLES = {"image_auroc_map": "image AUROC", "image_auroc_classifier": "classifier"}
LEGEND = """\
First row: the method; below: trivial baselines, scored alike. Dice at the threshold chosen on validation masks (val.),
by Otsu on the test maps (mean over the diseased slices, or each its own), by the false positive rate on healthy
validation slices (healthy q.), and on the test masks (oracle: an upper bound, not a result). Dice, AUROC and AP are
means over the diseased test slices, below each its 95 % interval (subjects drawn again; the threshold is held);
(all): over all pixels of all test slices together. Image AUROC: diseased against healthy slices by the map's highest
pixels; classifier: by its score."""
COMPARISON_TITLES = {"dice_validation": "Dice val.", "pixel_ap": "AP"}
COMPARISON_LEGEND = """\
Paired: the mean over the diseased test slices of the method's score less the baseline's on the same slice, with its
95 % interval. An interval above 0: the method is better; around 0: not decided by this test set."""
TRANSLATION_TITLES = {
    "twin_mae_lesion": "error to the healthy twin, in the lesion",
    "twin_mae_brain": "error to the healthy twin, in the brain",
    "twin_ssim": "SSIM to the healthy twin",
    "change_healthy_slices": "change of healthy slices, in the brain",
    "change_diseased_slices": "change of diseased slices, in the brain",
}


def write_report(report: Mapping[str, Any], output_dir: str | os.PathLike, provenance: Mapping[str, Any]) -> str:
    """Write ``metrics.json`` (everything), ``metrics.csv`` (a row a slice) and ``metrics.md`` (the tables).

    Args:
        report: result of :py:func:`monai_anomaly.metrics.evaluate`.
        output_dir: folder to write to.
        provenance: result of :py:func:`provenance`.

    Returns:
        The text of ``metrics.md``, for printing.
    """
    folder, text = Path(output_dir), report_table(report, provenance)
    with atomic_write(folder / "metrics.json") as f:
        json.dump({"provenance": dict(provenance), **report}, f, indent=1, allow_nan=False)
    with atomic_write(folder / "metrics.csv") as f:
        # RFC 4180 wants CRLF, every tool reads LF
        writer = csv.DictWriter(f, list(report["cases"][0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(report["cases"])
    with atomic_write(folder / "metrics.md") as f:
        f.write(text)
    return text


def report_table(report: Mapping[str, Any], provenance: Mapping[str, Any]) -> str:
    """The tables of a report as Markdown that is also aligned in a terminal.

    Args:
        report: result of :py:func:`monai_anomaly.metrics.evaluate`.
        provenance: result of :py:func:`provenance`.

    Returns:
        Scores, thresholds and translation errors, each with the number of slices; then where they came from.
    """
    methods = report["methods"]
    names = {name: f"**{name}**" if i == 0 else name for i, name in enumerate(methods)}
    parts = ["# Evaluation", _counts(report["counts"]), _scores(methods, names)]
    if "dice" in next(iter(methods.values())):
        parts += [LEGEND, "## Thresholds of the method", _thresholds(next(iter(methods.values()))["dice"])]
    if "comparisons" in report:
        parts += ["## The method less each baseline", _comparisons(report["comparisons"]), COMPARISON_LEGEND]
    if "translation" in report:
        parts += ["## Healthy reconstruction (share of the intensity range)", _translation(report["translation"])]
    versions = ", ".join(f"{k} {v}" for k, v in provenance["versions"].items())
    settings = ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in report["settings"].items())
    parts.append(
        f"{provenance['date']}; config {provenance['config'] or '-'}; seed {provenance['seed']};"
        f" git {provenance['git_revision'] or 'unknown'}; {versions}.\nSettings: {settings}."
    )
    return "\n\n".join(parts) + "\n"


def _counts(counts: Mapping[str, Mapping[str, int]]) -> str:
    return "\n".join(
        f"- {name}: {c['slices']} slices ({c['diseased']} diseased, {c['healthy']} healthy) of {c['subjects']} subjects"
        for name, c in counts.items()
    )


def _scores(methods: Mapping[str, Any], names: Mapping[str, str]) -> str:
    dice = [k for k in DICE_TITLES if any(k in s.get("dice", {}) for s in methods.values())]
    ranking = [k for k in RANKING_TITLES if any(k in s for s in methods.values())]
    image = [k for k in IMAGE_TITLES if any(k in s for s in methods.values())]
    title = ["method", *(DICE_TITLES[k] for k in dice)]
    title += [f"{RANKING_TITLES[k]}{how}" for k in ranking for how in ("", " (all)")]
    title += [IMAGE_TITLES[k] for k in image]
    rows = []
    for name, scores in methods.items():
        cells = [scores.get("dice", {}).get(k) for k in dice]
        cells += [scores.get(k, {}).get(how) for k in ranking for how in ("per_slice", "pooled")]
        rows.append([names[name], *map(_cell, cells), *(_cell(scores.get(k)) for k in image)])
        intervals = [_interval(cell) for cell in cells]
        if any(intervals):
            rows.append(["95 % interval", *intervals, *("" for _ in image)])
    return _markdown(title, rows)


def _thresholds(dice: Mapping[str, Any]) -> str:
    rows = [
        [
            origin.replace("_", " ").replace("otsu", "Otsu"),
            scores["threshold"]["chosen_on"],
            f"{scores['threshold']['value']:.4g}",
            f"{_cell(scores)} ± {_cell({'value': scores['sd']})}",
            _interval(scores) or "-",
            str(scores["n"]),
            _cell(scores["flagged_share_of_healthy_slices"], 4),
        ]
        for origin, scores in dice.items()
    ]
    return _markdown(
        ["origin", "chosen on", "threshold", "Dice ± sd", "95 % interval", "n", "healthy pixels flagged"], rows
    )


def _translation(scores: Mapping[str, Any]) -> str:
    rows = [
        [
            title,
            _cell(scores[key], 4),
            _interval(scores[key], 4) or "-",
            _cell(scores.get(f"input_{key}"), 4),
            str(scores[key]["n"]),
        ]
        for key, title in TRANSLATION_TITLES.items()
        if key in scores
    ]
    return _markdown(["quantity", "reconstruction", "95 % interval", "input untouched", "n"], rows)


def _comparisons(comparisons: Mapping[str, Any]) -> str:
    keys = [k for k in COMPARISON_TITLES if any(k in scores for scores in comparisons.values())]
    title = ["baseline"]
    for key in keys:
        title += [COMPARISON_TITLES[key], "95 % interval", "n"]
    rows = []
    for name, scores in comparisons.items():
        cells = [scores.get(key) for key in keys]
        rows.append([name, *(t for c in cells for t in (_cell(c, sign="+"), _interval(c, sign="+") or "-", _count(c)))])
    return _markdown(title, rows)


def _cell(score: Mapping[str, Any] | None, digits: int = 3, sign: str = "") -> str:
    return "-" if score is None or score["value"] is None else f"{score['value']:{sign}.{digits}f}"


def _interval(score: Mapping[str, Any] | None, digits: int = 3, sign: str = "") -> str:
    bounds = None if score is None else score.get("ci95")
    # a dash would hide the signs of a difference
    return "" if bounds is None else (" to " if sign else "–").join(f"{bound:{sign}.{digits}f}" for bound in bounds)


def _count(score: Mapping[str, Any] | None) -> str:
    return "-" if score is None else str(score["n"])


def _markdown(title: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    width = [max(len(row[i]) for row in (title, *rows)) for i in range(len(title))]
    lines = [title, ["-" * w for w in width], *rows]
    return "\n".join("| " + " | ".join(c.ljust(w) for c, w in zip(line, width, strict=True)) + " |" for line in lines)
