# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""The JSON of a benchmark: what is done already, and whether it may be gone on with."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping, MutableMapping
from pathlib import Path
from typing import Any

import torch
from monai.bundle import ConfigParser
from monai.bundle.reference_resolver import ReferenceResolver

from ..utils import DataError, atomic_write, provenance

__all__ = ["agree", "differing_entries", "open_benchmark", "used_config", "write_benchmark"]

KEYS = ("provenance", "counts", "slices", "checkpoints", "rows")
IGNORED = {"bundle_root", "cache_dir", "workers"}
"""Entries that say where and how fast, and change no number."""


def open_benchmark(out: Path) -> dict[str, Any]:
    """Read an interrupted benchmark, or begin one.

    Args:
        out: the JSON.

    Returns:
        ``provenance``, ``counts``, ``slices`` (the chosen ones of each set), ``checkpoints`` (their configurations) and
        ``rows`` (checkpoint -> setting -> scores).

    Raises:
        DataError: when the file is no benchmark, or one without the values of single slices.
    """
    if not out.exists():
        about = {**provenance(), "threads": torch.get_num_threads()}
        return {"provenance": about, **{key: {} for key in KEYS[1:]}}
    try:
        result = json.loads(out.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise DataError(f"{out}: expected the JSON of a benchmark, found {error}") from error
    missing = [key for key in KEYS if key not in result] if isinstance(result, dict) else list(KEYS)
    if missing:
        raise DataError(
            f"{out}: expected a benchmark with {list(KEYS)}, found none of {missing}: it is of an older version, or"
            " something else; give another file"
        )
    return result


def agree(out: Path, known: MutableMapping[str, Any], key: str, value: Any, of: str = "") -> None:
    """Note a value, or make sure that it is the one that an earlier run noted.

    Args:
        out: the file, for the message.
        known: part of the file's content.
        key: name of the value in it.
        value: what this run has.
        of: what has the value, for the message.

    Raises:
        DataError: when the values differ; it names the first entry that does.
    """
    value = json.loads(json.dumps(value, default=str))
    for place, now, before in differing_entries(value, known.setdefault(key, value), key):
        raise DataError(
            f"{out}: expected a benchmark with {of}{place} {now!r}, found one with {before!r}; to repeat it give"
            " another file, to go on give the arguments it was begun with"
        )


def differing_entries(a: Any, b: Any, place: str) -> Iterable[tuple[str, Any, Any]]:
    """Where two contents of JSON differ: the path to the entry, below ``place``, and what each has there."""
    if isinstance(a, dict) and isinstance(b, dict):
        for key in {**a, **b}:
            yield from differing_entries(a.get(key), b.get(key), f"{place} {key}")
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            yield from differing_entries(x, y, f"{place} {i}")
    elif a != b:
        yield place, a, b


def used_config(parser: ConfigParser, ids: Iterable[str]) -> dict[str, Any]:
    """The entries of a configuration that some of its entries need, those included.

    What else is in it, such as the optimizer, may change between two runs of a benchmark.

    Args:
        parser: the configuration, as read and overridden.
        ids: entries that are used.

    Returns:
        id -> entry, unresolved, without those that change no number.
    """
    found: dict[str, Any] = {}
    waiting = [ReferenceResolver.normalize_id(i) for i in ids]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = parser[name]
            waiting += ReferenceResolver.find_refs_in_config(found[name], name)
    inner = {n for n in found for outer in found if n.startswith(f"{outer}{ReferenceResolver.sep}")}
    return {n: _without_ignored(found[n]) for n in sorted(found) if n not in inner and n not in IGNORED}


def _without_ignored(entry: Any) -> Any:
    if isinstance(entry, Mapping):
        return {k: _without_ignored(v) for k, v in entry.items() if k not in IGNORED}
    return [_without_ignored(v) for v in entry] if isinstance(entry, list) else entry


def write_benchmark(out: str | os.PathLike, result: Mapping[str, Any]) -> None:
    """Write the JSON, indented, but with a list of plain values on one line.

    Args:
        out: the JSON.
        result: its content.
    """
    # a JSON string holds no line break, so this finds nothing but the file's own lists
    text = re.sub(r"\[\n[^\[\]{}]*\n\s*\]", _on_one_line, json.dumps(result, indent=1))
    with atomic_write(out) as f:
        f.write(text + "\n")


def _on_one_line(match: re.Match[str]) -> str:
    return "[" + ", ".join(line.strip().rstrip(",") for line in match[0][1:-1].strip().splitlines()) + "]"
