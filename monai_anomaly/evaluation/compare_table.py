# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .origin import origins_table
from .report import sizes_text
from .tables import Section, markdown_table
from .task import ALL, Task

__all__ = ["comparison_text"]

SEEDS_LEGEND = """\
Trainings of one method that differ in their seed: mean ± standard deviation (of n - 1; least to greatest). The tables
above have the first of them."""
SPLITS = """\
Over {splits} random splits, each with test cases of its own: a score is the mean [standard deviation, of n - 1] over
the splits, a difference that of two rows on the same split; n counts splits, also where a legend says cases. There are
no intervals over subjects, as people come back in the test sets of several splits. Sizes in titles, minutes and
pictures are those of the first split."""


def comparison_text(task: Task, result: Mapping[str, Any]) -> str:
    """The tables of a comparison as Markdown that is also aligned in a terminal.

    Args:
        task: of the methods.
        result: what :py:func:`compare` writes.

    Returns:
        The tables of the task's reports, of several splits with means over them, the spread over seeds, and where each
        method came from.
    """
    sections = task.sections(result)
    if result["seeds"]:
        sections = [*sections, Section("Seeds", _seeds(result["seeds"]), SEEDS_LEGEND)]
    sections = [*sections, Section("Methods", origins_table(result["methods"]))]
    about = [SPLITS.format(splits=result["splits"])] if "splits" in result else []
    return "\n\n".join(["# Comparison", sizes_text(result["counts"]), *about, *map(str, sections)]) + "\n"


def _seeds(seeds: Mapping[str, Any]) -> str:
    """A row per score and part, a column per method."""
    found = [entry["parts"] for entry in seeds.values()]
    places = [(part, score) for parts in found for part, scores in parts.items() for score in scores]
    rows = []
    for part, score in dict.fromkeys(places):
        title = score.replace("_", " ") + ("" if part == ALL else f", {part}")
        rows.append([title, *(_spread_cell(entry["parts"].get(part, {}).get(score)) for entry in seeds.values())])
    titles = [f"{name} (seeds {', '.join(map(str, entry['seeds']))})" for name, entry in seeds.items()]
    return markdown_table(["score", *titles], rows)


def _spread_cell(spread: Mapping[str, Any] | None) -> str:
    if spread is None:
        return "-"
    mean, sd, low, high = (f"{spread[key]:.4f}" for key in ("value", "sd", "min", "max"))
    return f"{mean} ± {sd} ({low}–{high})"
