# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..utils import atomic_write
from ..visualize.report import html_page
from .case_files import PICTURE, REPORT

__all__ = ["write_index_page"]


def write_index_page(out: Path, failed: Sequence[Mapping[str, Any]]) -> Path:
    """A page to scroll through: what failed and why, then the picture of each case in the folder with its measures.

    Args:
        out: folder that holds the folders of the cases.
        failed: ``case`` and ``reason`` of those without a result.
    """
    cases = sorted(p.parent.name for p in out.glob(f"*/{REPORT}"))
    parts = [f"<h1>{len(cases)} done, {len(failed)} failed</h1>"]
    for entry in failed:
        parts.append(f"<p class='warning'><b>{html.escape(entry['case'])}</b>: {html.escape(entry['reason'])}</p>")
    for case in cases:
        report = json.loads((out / case / REPORT).read_text(encoding="utf-8"))
        name, folder = html.escape(case), quote(case)
        notes = [f"kept {report['kept_brain_fraction']:.1%} of the brain", *report.get("warnings", [])]
        notes += [f"{m} moved by {v['moved_mm']:.1f} mm" for m, v in report["session"].items()]
        parts.append(f"<h2>{name}</h2><p>{html.escape('; '.join(notes))}; <a href='{folder}/{REPORT}'>report</a></p>")
        parts.append(f"<img class='shown' loading='lazy' src='{folder}/{PICTURE}' alt='{name}'>")
    with atomic_write(out / "index.html") as f:
        f.write(html_page("Preprocessing", "\n".join(parts)))
    return out / "index.html"
