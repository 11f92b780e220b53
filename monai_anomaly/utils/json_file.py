# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .errors import DataError
from .files import atomic_write

__all__ = ["differing_entries", "read_json", "write_json"]


def read_json(path: str | os.PathLike, expected: str = "JSON") -> Any:
    """The content of a JSON file, with or without the mark that Windows puts in front.

    Args:
        path: the file.
        expected: what it should be, for the message.

    Raises:
        DataError: it cannot be read, or is no JSON.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise DataError(f"{path}: expected {expected}, found {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: expected {expected}, found {error}") from error


def write_json(path: str | os.PathLike, content: Any) -> None:
    """Write JSON, indented, but a list of plain values on one line.

    Args:
        path: the file.
        content: what JSON knows; NaN is refused.
    """
    # a JSON string holds no line break, so this finds nothing but the file's own lists
    text = re.sub(r"\[\n[^\[\]{}]*\n\s*\]", _on_one_line, json.dumps(content, indent=1, allow_nan=False))
    with atomic_write(path) as f:
        f.write(text + "\n")


def differing_entries(a: Any, b: Any, place: str) -> Iterator[tuple[str, Any, Any]]:
    """Where two contents of JSON differ: the path to the entry, below ``place``, and what each has there."""
    if isinstance(a, dict) and isinstance(b, dict):
        for key in {**a, **b}:
            yield from differing_entries(a.get(key), b.get(key), f"{place} {key}")
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            yield from differing_entries(x, y, f"{place} {i}")
    elif a != b:
        yield place, a, b


def _on_one_line(match: re.Match[str]) -> str:
    return "[" + ", ".join(line.strip().rstrip(",") for line in match[0][1:-1].strip().splitlines()) + "]"
