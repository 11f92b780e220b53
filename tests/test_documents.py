# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Every link of a document leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted(
    path
    for folder in (".", "docs", "bundles")
    for path in (REPOSITORY / folder).glob("*.md" if folder == "." else "**/*.md")
    if not {".venv", "trained", "eval", "data"} & set(path.relative_to(REPOSITORY).parts)
)
CODE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]*))?\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


def anchors(text: str) -> set[str]:
    """Those that GitHub gives the headings; one that comes twice gets a number."""
    found: dict[str, int] = {}
    names = set()
    for heading in HEADING.findall(CODE.sub("", text)):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        name = re.sub(r"[^\w\- ]", "", words).strip().replace(" ", "-")
        count = found[name] = found.get(name, -1) + 1
        names.add(name if count == 0 else f"{name}-{count}")
    return names


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_links_lead_somewhere(path: Path) -> None:
    broken = []
    for target, anchor in LINK.findall(CODE.sub("", path.read_text(encoding="utf-8"))):
        file = path if target == "" else path.parent / target
        known = not anchor or file.suffix != ".md" or (file.is_file() and anchor in anchors(file.read_text("utf-8")))
        if not (file.exists() and known):
            broken.append(f"{target}#{anchor}")
    assert broken == []


def test_anchors_are_those_of_github() -> None:
    text = "# A `b#c`, d\n```\n# no heading\n```\n## A [link](x.md): two-fold\n## Twice\n## Twice\n"
    assert anchors(text) == {"a-bc-d", "a-link-two-fold", "twice", "twice-1"}
    assert len(DOCUMENTS) > 20
