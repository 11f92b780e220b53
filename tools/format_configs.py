# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Lay out the JSON of the bundles: ``python tools/format_configs.py [--check] [FILE ...]``; all without a file.

One entry per line, four spaces deep. On one line if it fits: a dictionary of up to three plain values beside its
``_target_``, and a list of plain values, lists of them and at most one such dictionary.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

WIDTH = 120
SHORT = 3
"""Entries of a dictionary on one line, at most, beside its ``_target_``."""


def layout(content: Any, indent: int = 0, used: int = 0) -> str:
    """The JSON of some content.

    Args:
        content: what ``json.loads`` gives.
        indent: depth of the line it begins on, in spaces.
        used: columns of that line that are taken, the comma behind it included.
    """
    line = json.dumps(content, ensure_ascii=False)
    if not isinstance(content, dict | list) or (_is_short(content) and used + len(line) <= WIDTH):
        return line
    inner = indent + 4
    if isinstance(content, dict):
        keys = [f"{json.dumps(key, ensure_ascii=False)}: " for key in content]
    else:
        keys = [""] * len(content)
    values = content.values() if isinstance(content, dict) else content
    lines = [
        f"{' ' * inner}{key}{layout(value, inner, inner + len(key) + 1)}"
        for key, value in zip(keys, values, strict=True)
    ]
    begin, end = "{}" if isinstance(content, dict) else "[]"
    return begin + "\n" + ",\n".join(lines) + "\n" + " " * indent + end


def _is_short(content: dict | list) -> bool:
    if isinstance(content, dict):
        return len(content) - ("_target_" in content) <= SHORT and all(_is_flat(v) for v in content.values())
    dictionaries = [v for v in content if isinstance(v, dict)]
    return len(dictionaries) <= 1 and all(_is_short(v) if isinstance(v, dict) else _is_flat(v) for v in content)


def _is_flat(value: Any) -> bool:
    """Whether this is a plain value or a list of such."""
    return not isinstance(value, dict) and not (isinstance(value, list) and _nested(value))


def _nested(values: list) -> bool:
    return any(isinstance(v, dict | list) for v in values)


def main(arguments: list[str]) -> int:
    """Write what is laid out otherwise, or with ``--check`` only name it; the exit status."""
    check, files = "--check" in arguments, [Path(a) for a in arguments if a != "--check"]
    root = Path(__file__).resolve().parents[1]
    changed = 0
    for path in files or sorted(root.glob("bundles/*/configs/*.json")):
        before = path.read_text(encoding="utf-8")
        after = layout(json.loads(before)) + "\n"
        if after != before:
            changed += 1
            print(path)
            if not check:
                beside = path.with_name(path.name + ".part")
                beside.write_text(after, encoding="utf-8")
                os.replace(beside, path)
    return int(check and changed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
