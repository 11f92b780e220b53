# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..evaluation.summary import case_mean
from ..evaluation.tables import interval_cell, markdown_table, score_cell
from ..metrics import cluster_bootstrap

__all__ = ["benchmark_table", "differences_to_the_first"]

Rows = Mapping[str, Mapping[str, Any]]
"""Checkpoint -> setting -> ``parts``, ``evaluations`` and ``seconds``, see :py:func:`run_settings`."""


def differences_to_the_first(
    rows: Rows, names: Sequence[str], subjects: Sequence[str]
) -> dict[str, dict[str, dict[str, Any]]]:
    """Each setting minus the first one, on the same cases.

    The difference of a case is the mean over the checkpoints that have both settings; a subject's cases, of all
    checkpoints, are drawn together.

    Args:
        rows: with the values of single cases.
        names: the settings; the first is the one the others are compared to.
        subjects: whose each case is.

    Returns:
        Part -> setting -> ``checkpoints``, how many have both, and score -> ``value``, ``sd``, ``n`` (cases) and
        ``ci95``; without the settings that no checkpoint has beside the first.
    """
    interval = partial(cluster_bootstrap, clusters=np.asarray(subjects))
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for name in names[1:]:
        both = [(of[name]["parts"], of[names[0]]["parts"]) for of in rows.values() if name in of and names[0] in of]
        for part in both[0][0] if both else ():
            pairs = [(ours[part]["cases"], theirs[part]["cases"]) for ours, theirs in both]
            scores = [score for score in pairs[0][0] if all(score in cases for pair in pairs for cases in pair)]
            difference: dict[str, Any] = {"checkpoints": len(pairs)}
            for score in scores:
                ours, theirs = (np.array([pair[i][score] for pair in pairs], dtype=float) for i in (0, 1))
                difference[score] = case_mean((ours - theirs).mean(0), interval)
            found.setdefault(part, {})[name] = difference
    return found


def benchmark_table(result: Mapping[str, Any], names: Sequence[str], scores: Sequence[str]) -> str:
    """Mean and standard deviation over the checkpoints; differences to the first setting; evaluations and time per
    case.

    Args:
        result: content of a benchmark's JSON, with ``differences``.
        names: the settings, a row each.
        scores: those shown.

    Returns:
        Markdown, with a table per part.
    """
    rows, subjects, about = result["rows"], result["cases"]["test"]["subject"], result["provenance"]
    first = next(row for of in rows.values() for name in names if (row := of.get(name)))
    tables = {part: _table(rows, names, scores, part, result["differences"].get(part, {})) for part in first["parts"]}
    texts = [table if len(tables) == 1 else f"## {part}\n\n{table}" for part, table in tables.items()]
    devices = ", ".join({about["device"]: None for about in result["checkpoints"].values()})
    note = (
        f"{len(rows)} checkpoint(s), mean ± sd (of n - 1) over them; {len(subjects)} test cases of {len(set(subjects))}"
        " subject(s); Δ: minus the first row, on the same cases and over all checkpoints, with the 95 % interval over"
        " subjects (the trainings are not drawn again); names of networks: evaluations per case; s/case: the inferer's;"
        f" {about['date']}, git {about['git_revision']}, torch {about['versions']['torch']}, {devices},"
        f" {about['threads']} thread(s)."
    )
    return "\n\n".join([*texts, note]) + "\n"


def _table(
    rows: Rows, names: Sequence[str], scores: Sequence[str], part: str, differences: Mapping[str, Mapping[str, Any]]
) -> str:
    compared = {score for entry in differences.values() for score in entry}
    title = ["setting"]
    for score in scores:
        title += [score.replace("_", " "), *(["Δ (95 %)"] if score in compared else [])]
    networks = list(next(row for of in rows.values() for row in of.values())["evaluations"])
    lines, base = [], None
    for name in names:
        found = [of[name] for of in rows.values() if name in of]
        line = [name]
        for score in scores:
            line.append(_spread([row["parts"][part]["scores"].get(score) for row in found]))
            if score in compared:
                line.append(_difference(differences.get(name, {}).get(score)))
        line += [f"{np.mean([row['evaluations'][network] for row in found]):.0f}" for network in networks]
        seconds = float(np.mean([row["seconds"] for row in found]))
        base = base or seconds
        lines.append([*line, f"{seconds:.4g}", f"{seconds / base:.4f}"])
    return markdown_table([*title, *networks, "s/case", "ratio"], lines)


def _spread(values: Sequence[float | None]) -> str:
    """Mean ± sd, like that of a comparison; the value alone where there is one, a dash where one is missing."""
    if None in values:
        return "-"
    numbers = np.array(values, dtype=float)
    return f"{numbers.mean():.4f}" + (f" ± {numbers.std(ddof=1):.4f}" if len(numbers) > 1 else "")


def _difference(score: Mapping[str, Any] | None) -> str:
    interval = interval_cell(score, sign="+")
    return score_cell(score, sign="+") + (f" ({interval})" if interval else "")
