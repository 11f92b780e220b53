# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..utils import atomic_write
from .case_files import PICTURE, REPORT

__all__ = ["write_index_page"]

_STYLE = (
    "body{background:#16181d;color:#e6e6e6;font:14px sans-serif;max-width:1000px;margin:auto}"
    "img{width:100%}a{color:#4fd1ff}"
)


def write_index_page(out: Path, cases: Sequence[str], failed: Sequence[Mapping[str, Any]]) -> Path:
    """A page to scroll through: what failed and why, then the picture of each case with its measures.

    Args:
        out: folder that holds the folders of the cases.
        cases: their names.
        failed: ``case`` and ``reason`` of those without a result.
    """
    parts = [f"<!doctype html><meta charset='utf-8'><title>Preprocessing</title><style>{_STYLE}</style>"]
    parts.append(f"<h1>{len(cases)} done, {len(failed)} failed</h1>")
    for entry in failed:
        parts.append(f"<p><b>{html.escape(entry['case'])}</b>: {html.escape(entry['reason'])}</p>")
    for case in cases:
        report = json.loads((out / case / REPORT).read_text(encoding="utf-8"))
        name = html.escape(case)
        notes = [*report["brain"]["warnings"], f"kept {report['kept_brain_fraction']:.1%} of the brain"]
        parts.append(
            f"<h2 id='{name}'>{name}</h2><p>{html.escape('; '.join(notes))}; <a href='{name}/{REPORT}'>report</a></p>"
        )
        parts.append(f"<img loading='lazy' src='{name}/{PICTURE}' alt='{name}'>")
    with atomic_write(out / "index.html") as f:
        f.write("\n".join(parts))
    return out / "index.html"
