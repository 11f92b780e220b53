# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from ...utils import atomic_write
from .page import REPORT, RESEARCH_ONLY, html_page, plain

__all__ = ["write_report_index"]


def write_report_index(folder: str | os.PathLike, left_out: Sequence[Mapping[str, str]] = ()) -> Path:
    """A page that leads to the reports in the folders of a folder, with what each found in one line.

    Args:
        folder: of the cases' folders; those with ``report.html`` are listed, with their ``figure.png``.
        left_out: ``case`` and ``reason`` of inputs without a result.
    """
    folder = Path(folder)
    missing = {entry["case"] for entry in left_out}
    reports = [path for path in sorted(folder.glob(f"*/{REPORT}")) if path.parent.name not in missing]
    body = [f"<h1>{len(reports)} cases</h1>", f"<p class='only'>{RESEARCH_ONLY}</p>"]
    for entry in left_out:
        name, reason = plain(entry["case"]), plain(entry["reason"])
        body.append(f"<p class='warning'><b>{name}</b> left out: {reason}</p>")
    for report in reports:
        name = plain(report.parent.name)
        place = quote(os.fsencode(report.parent.name))
        found = plain(_summary(report.parent))
        picture = f"<img loading='lazy' src='{place}/figure.png' alt='{name}'>"
        body.append(f"<a class='case' href='{place}/{REPORT}'><h2>{name}</h2><p>{found}</p>{picture}</a>")
    with atomic_write(folder / "index.html") as f:
        f.write(html_page("Results", "\n".join(body)))
    return folder / "index.html"


def _summary(folder: Path) -> str:
    """What the case's record says in one line."""
    try:
        return str(json.loads((folder / "scores.json").read_text(encoding="utf-8")).get("summary", ""))
    except (OSError, ValueError):
        return ""
