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
    """When, from which code, config, seed and model a report came, and the settings it was made with."""
    versions = ", ".join(f"{k} {v}" for k, v in provenance["versions"].items())
    options = ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in settings.items())
    return (
        f"{provenance['date']}; config {provenance['config'] or '-'}; seed {provenance['seed']};"
        f" git {provenance['git_revision'] or 'unknown'}; {versions}.\n{_model(provenance.get('model'))}"
        f"Settings: {options}."
    )


def _model(model: Mapping[str, Any] | None) -> str:
    """What was evaluated, and what it was trained on, as far as that is known."""
    if model is None:
        return ""
    name = f"Model: {model['file']} (SHA-256 {model['sha256'][:8]})"
    training = model["training"]
    if training is None:
        return f"{name}; what it was trained on is not known.\n"
    data = "".join(
        f"; {section} {d['samples']} samples of {d['subjects']} subjects ({d['fingerprint'][:8]})"
        for section, d in training["data"].items()
    )
    start = f"; from {training['pretrained']['file']}" if training["pretrained"] else ""
    changes = f"; changed {', '.join(training['changes'])}" if training["changes"] else ""
    return (
        f"{name}, epoch {training['epoch']} of a training of {training['date']} with seed "
        f"{training['settings'].get('seed')}, git {training['git_revision'] or 'unknown'}{data}{start}{changes}.\n"
    )
