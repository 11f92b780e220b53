# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..handlers.difference_tables import (
    CLASSIFICATION_LEGEND,
    DIFFERENCE_LEGEND,
    classification_table,
    difference_cells,
    of_the_input,
)
from ..handlers.tables import count_cell, interval_cell, markdown_table, score_cell
from .origins_table import origins_table

__all__ = ["anomaly_compare_table"]

DICE_TITLES = {"average_otsu_truth": "Dice truth Otsu", "validation": "Dice val."}
DICE_LEGEND = """\
Dice and AUROC are means over the diseased test slices, below each its 95 % interval (subjects drawn again). Dice at the
mean of Otsu's thresholds of the true differences of the test set (truth Otsu, as in thesis ch. 6: uses the test truth),
and at the threshold chosen on validation masks (val.). Last rows: trivial baselines, and the input as its own
reconstruction (d = 0)."""
LESS = """\
The mean over the diseased test slices of the row's Dice less that of the first row on the same slice, with its 95 %
interval (the trainings are not drawn again). An interval below 0: the first row is better; around 0: not decided by
this test set."""
SEED_TITLES = {
    "dice_average_otsu_truth": "Dice truth Otsu",
    "dice_validation": "Dice val.",
    "pixel_auroc": "AUROC",
    "difference_mse": "MSE(d, GT)",
    "change_healthy_mse": "MSE(r_h, a_h)",
    "image_accuracy_classifier": "accuracy",
    "image_auroc_classifier": "image AUROC",
}
SEEDS = """\
Trainings of the same configuration that differ in their seed: mean ± standard deviation (least to greatest). The tables
above have the first of them."""


def anomaly_compare_table(result: Mapping[str, Any]) -> str:
    """The tables of a comparison as Markdown that is also aligned in a terminal.

    Args:
        result: what :py:func:`anomaly_compare` writes.

    Returns:
        The columns of thesis ch. 6, Table 1, where there are masks or twins, and Table 2; the paired differences; the
        spread over seeds; and where each method came from.
    """
    methods, counts = result["methods"], result["counts"]
    sizes = f"{counts['slices']} slices ({counts['diseased']} diseased, {counts['healthy']} healthy)"
    parts = ["# Comparison", f"- test: {sizes} of {counts['subjects']} subjects"]
    with_maps = any("dice" in m["scores"] or "difference_mse" in m["translation"] for m in methods.values())
    if with_maps:
        parts += ["## Anomaly maps (thesis ch. 6, Table 1)", _maps(methods, result["baselines"]), DICE_LEGEND]
        parts.append(DIFFERENCE_LEGEND)
    if result["comparisons"]:
        first = next(iter(result["comparisons"].values()))["less"]
        parts += [f"## Less {first}, Dice", _comparisons(result["comparisons"]), LESS]
    scores = {name: _image_scores(m, not with_maps) for name, m in methods.items()}
    if any(scores.values()):
        table = classification_table({**scores, **result["baselines"]})
        parts += ["## Classification of images (thesis ch. 6, Table 2)", table, CLASSIFICATION_LEGEND]
        if not with_maps:
            parts.append(DIFFERENCE_LEGEND)
    if result["seeds"]:
        parts += ["## Seeds", _seeds(result["seeds"]), SEEDS]
    return "\n\n".join([*parts, "## Methods", origins_table(methods)]) + "\n"


def _maps(methods: Mapping[str, Any], baselines: Mapping[str, Any]) -> str:
    entries = {name: (m["scores"], difference_cells(m["translation"])) for name, m in methods.items()}
    entries = {name: entry for name, entry in entries.items() if "dice" in entry[0] or entry[1]}
    entries |= {name: (scores, {}) for name, scores in baselines.items() if "dice" in scores}
    inputs = [of_the_input(m["translation"]) for m in methods.values()]
    if cells := difference_cells(next((found for found in inputs if found), {})):
        entries["input untouched"] = ({}, cells)
    origins = [key for key in DICE_TITLES if any(key in scores.get("dice", {}) for scores, _ in entries.values())]
    differences = list(dict.fromkeys(title for _, cells in entries.values() for title in cells))
    rows = []
    for i, (name, (scores, cells)) in enumerate(entries.items()):
        means = [scores.get("dice", {}).get(key) for key in origins] + [scores.get("pixel_auroc", {}).get("per_slice")]
        more = [cells.get(title, ("-", "")) for title in differences]
        title = f"**{name}**" if i == 0 else name
        rows.append([title, *map(score_cell, means), *(text for text, _ in more)])
        intervals = [*map(interval_cell, means), *(interval for _, interval in more)]
        if any(intervals):
            rows.append(["95 % interval", *intervals])
    return markdown_table(["method", *(DICE_TITLES[key] for key in origins), "AUROC", *differences], rows)


def _image_scores(method: Mapping[str, Any], with_change: bool) -> dict[str, Any]:
    found = {key: scores for key, scores in method["scores"].items() if key.startswith("image_")}
    change = method["translation"].get("change_healthy_mse")
    return found | ({"change_healthy_mse": change} if with_change and change is not None else {})


def _comparisons(comparisons: Mapping[str, Any]) -> str:
    keys = [key for key in DICE_TITLES if any(f"dice_{key}" in scores for scores in comparisons.values())]
    title = ["row"]
    for key in keys:
        title += [DICE_TITLES[key], "95 % interval", "n"]
    rows = []
    for name, scores in comparisons.items():
        cells = [scores.get(f"dice_{key}") for key in keys]
        rows.append([name])
        for cell in cells:
            rows[-1] += [score_cell(cell, sign="+"), interval_cell(cell, sign="+") or "-", count_cell(cell)]
    return markdown_table(title, rows)


def _seeds(seeds: Mapping[str, Any]) -> str:
    keys = [key for key in SEED_TITLES if any(key in entry["scores"] for entry in seeds.values())]
    rows = []
    for name, entry in seeds.items():
        cells = [_spread_cell(entry["scores"].get(key), 4 if "mse" in key else 3) for key in keys]
        rows.append([name, ", ".join(map(str, entry["seeds"])), *cells])
    return markdown_table(["method", "seeds", *(SEED_TITLES[key] for key in keys)], rows)


def _spread_cell(scores: Mapping[str, Any] | None, digits: int) -> str:
    if scores is None:
        return "-"
    mean, sd, low, high = (f"{scores[key]:.{digits}f}" for key in ("value", "sd", "min", "max"))
    return f"{mean} ± {sd} ({low}–{high})"
