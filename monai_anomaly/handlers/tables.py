# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Cells and tables in Markdown that is also aligned in a terminal, and the line a result must be read with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["count_cell", "interval_cell", "markdown_table", "origin_line", "score_cell"]


def score_cell(score: Mapping[str, Any] | None, digits: int = 3, sign: str = "") -> str:
    """A score's value; a dash where there is none."""
    return "-" if score is None or score["value"] is None else f"{score['value']:{sign}.{digits}f}"


def interval_cell(score: Mapping[str, Any] | None, digits: int = 3, sign: str = "") -> str:
    """A mean's 95 % interval; empty where there is none."""
    bounds = None if score is None else score.get("ci95")
    # a dash would hide the signs of a difference
    return "" if bounds is None else (" to " if sign else "–").join(f"{bound:{sign}.{digits}f}" for bound in bounds)


def count_cell(score: Mapping[str, Any] | None) -> str:
    """How many slices a score comes from."""
    return "-" if score is None else str(score["n"])


def markdown_table(title: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose columns are padded to one width."""
    width = [max(len(row[i]) for row in (title, *rows)) for i in range(len(title))]
    lines = [title, ["-" * w for w in width], *rows]
    return "\n".join("| " + " | ".join(c.ljust(w) for c, w in zip(line, width, strict=True)) + " |" for line in lines)


def origin_line(provenance: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """When, from which code, config and seed a report came, and the settings it was made with."""
    versions = ", ".join(f"{k} {v}" for k, v in provenance["versions"].items())
    options = ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in settings.items())
    return (
        f"{provenance['date']}; config {provenance['config'] or '-'}; seed {provenance['seed']};"
        f" git {provenance['git_revision'] or 'unknown'}; {versions}.\nSettings: {options}."
    )
