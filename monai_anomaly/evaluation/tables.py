# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = [
    "INTERVAL_LEGEND",
    "Column",
    "Section",
    "difference_table",
    "interval_cell",
    "legend_of",
    "markdown_table",
    "part_tables",
    "score_cell",
    "score_table",
]

Scores = Mapping[str, Mapping[str, Any]]
"""Score -> entry, of one method."""

INTERVAL_LEGEND = "Below each mean its 95 % interval (subjects drawn again)."


@dataclass(frozen=True)
class Column:
    """A column of a table of scores.

    Args:
        score: whose entry it shows.
        title: above it.
        digits: of the value.
        variance: add the variance over the cases, in parentheses; over splits there is none.
        beside: a score whose value is added in brackets.
        key: of the entry.
    """

    score: str
    title: str
    digits: int = 3
    variance: bool = False
    beside: str = ""
    key: str = "value"

    def cell(self, scores: Scores) -> str:
        """Of a method; a dash where it has no such score."""
        entry = scores.get(self.score)
        if entry is not None and self.key != "value":
            return f"{entry[self.key]:.{self.digits}f}"
        text = score_cell(entry, self.digits)
        if self.variance and entry is not None and entry.get("sd") is not None and "splits" not in entry:
            text += f" ({entry['sd'] ** 2:.2g})"
        return f"{text} [{score_cell(scores.get(self.beside), self.digits)}]" if self.beside else text

    def interval(self, scores: Scores) -> str:
        """Of a method's mean; empty where there is none."""
        return interval_cell(scores.get(self.score), self.digits) if self.key == "value" else ""


@dataclass(frozen=True)
class Section:
    """A table of a report.

    Args:
        title: of the section; empty: it belongs to the section before.
        text: tables, as Markdown.
        legend: below them.
    """

    title: str
    text: str
    legend: str = ""

    def __str__(self) -> str:
        return "\n\n".join(part for part in (self.title and f"## {self.title}", self.text, self.legend) if part)


def score_table(methods: Mapping[str, Scores], columns: Sequence[Column], first: str = "method") -> str:
    """A row per method that has any of some scores, and below it the 95 % intervals of its means; the first is bold.

    Args:
        methods: name -> scores.
        columns: those that no method has are left out.
        first: title of the column of names.

    Returns:
        Markdown; empty where no method has any of the scores.
    """
    shown = [c for c in columns if any(c.score in scores for scores in methods.values())]
    over_splits = any("splits" in entry for scores in methods.values() for entry in scores.values())
    titles = [column.title + " (var)" * (column.variance and not over_splits) for column in shown]
    rows = []
    for i, (name, scores) in enumerate(methods.items()):
        if not any(column.score in scores for column in shown):
            continue
        rows.append([f"**{name}**" if i == 0 else name, *(column.cell(scores) for column in shown)])
        if any(intervals := [column.interval(scores) for column in shown]):
            rows.append(["95 % interval", *intervals])
    return markdown_table([first, *titles], rows) if rows else ""


def difference_table(comparisons: Mapping[str, Scores], columns: Sequence[Column], first: str = "minus") -> str:
    """A row per method that another one is compared to: mean difference, interval and count of each score; over splits
    the differences of each in place of the interval.

    Args:
        comparisons: name -> paired differences.
        columns: those that no comparison has are left out.
        first: title of the column of names.

    Returns:
        Markdown; empty where nothing is compared.
    """
    shown = [c for c in columns if any(c.score in scores for scores in comparisons.values())]
    over_splits = any("splits" in entry for scores in comparisons.values() for entry in scores.values())
    spread = "of each split" if over_splits else "95 % interval"
    title = [first, *(text for column in shown for text in (column.title, spread, "n"))]
    rows = []
    for name, scores in comparisons.items():
        row = [name]
        for column in shown:
            entry = scores.get(column.score)
            row += [score_cell(entry, column.digits, "+"), interval_cell(entry, column.digits, "+") or "-"]
            row.append("-" if entry is None else str(entry["n"]))
        if any(cell != "-" for cell in row[1:]):
            rows.append(row)
    return markdown_table(title, rows) if rows else ""


def part_tables(title: str, tables: Mapping[str, str], legend: str) -> list[Section]:
    """One section with the table of every part that has one; none where no part has.

    Args:
        title: of the section.
        tables: part -> Markdown, perhaps empty.
        legend: below them.
    """
    found = {name: table for name, table in tables.items() if table}
    texts = [table if len(tables) == 1 else f"{name}:\n\n{table}" for name, table in found.items()]
    return [Section(title, "\n\n".join(texts), legend)] if found else []


def legend_of(report: Mapping[str, Any], text: str, single: str) -> str:
    """The legend of a table: over splits, where there is no interval and no variance over cases, without ``single``."""
    return text if "splits" in report else "\n".join(filter(None, (text, single)))


def score_cell(score: Mapping[str, Any] | None, digits: int = 3, sign: str = "") -> str:
    """A score's value, over splits with its standard deviation in brackets; a dash where there is none."""
    if score is None or score["value"] is None:
        return "-"
    value = f"{score['value']:{sign}.{digits}f}"
    return f"{value} [{score['sd']:.{digits}f}]" if "splits" in score and score["sd"] is not None else value


def interval_cell(score: Mapping[str, Any] | None, digits: int = 3, sign: str = "") -> str:
    """A mean's 95 % interval, or a difference of every split; empty where there is none."""
    if sign and score is not None and "splits" in score:
        return ", ".join("-" if value is None else f"{value:{sign}.{digits}f}" for value in score["splits"])
    bounds = None if score is None else score.get("ci95")
    # a dash would hide the signs of a difference
    return "" if bounds is None else (" to " if sign else "–").join(f"{bound:{sign}.{digits}f}" for bound in bounds)


def markdown_table(title: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose columns are padded to one width; a bar or line break in a cell would divide it."""
    title, *rows = ([" ".join(c.splitlines()).replace("|", "\\|") for c in row] for row in (title, *rows))
    width = [max(len(row[i]) for row in (title, *rows)) for i in range(len(title))]
    lines = [title, ["-" * w for w in width], *rows]
    return "\n".join("| " + " | ".join(c.ljust(w) for c, w in zip(line, width, strict=True)) + " |" for line in lines)
