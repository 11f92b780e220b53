# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""The JSON of a benchmark: what is done already, and whether it may be continued."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, MutableMapping
from pathlib import Path
from typing import Any

import torch
from monai.bundle import ConfigParser
from monai.bundle.reference_resolver import ReferenceResolver

from ..evaluation.files import plain_settings
from ..utils import DataError, differing_entries, provenance, read_json

__all__ = ["agree", "open_record", "used_config"]

KEYS = ("provenance", "counts", "cases", "checkpoints", "settings", "rows")
IGNORED = {"bundle_root", "cache_dir", "device", "workers"}
"""Entries that say where and how fast, and change no number; a benchmark notes the name of the device."""


def open_record(out: Path) -> dict[str, Any]:
    """Read an interrupted benchmark, or begin one.

    Args:
        out: the JSON.

    Returns:
        ``provenance``, ``counts``, ``cases`` (the chosen ones of each set), ``checkpoints`` (their weights and
        configurations), ``settings`` (their arguments) and ``rows`` (checkpoint -> setting -> scores).

    Raises:
        DataError: when the file is no benchmark, or one of another layout.
    """
    if not out.exists():
        about = {**provenance(), "threads": torch.get_num_threads()}
        return {"provenance": about, **{key: {} for key in KEYS[1:]}}
    result = read_json(out, "the JSON of a benchmark")
    missing = [key for key in KEYS if key not in result] if isinstance(result, dict) else list(KEYS)
    if missing:
        raise DataError(
            f"{out}: expected a benchmark with {list(KEYS)}, found none of {missing}: it is of an older version, or"
            " something else; give another file"
        )
    return result


def agree(
    out: Path, known: MutableMapping[str, Any], key: str, value: Any, of: str = "", what: str = "a benchmark"
) -> None:
    """Note a value, or make sure that it is the one that an earlier run noted.

    Args:
        out: the file, for the message.
        known: part of the file's content.
        key: name of the value in it.
        value: what this run has.
        of: what has the value, for the message.
        what: the file is of, for the message.

    Raises:
        DataError: when the values differ; it names the first entry that does.
    """
    value = json.loads(json.dumps(plain_settings(value), default=str))
    for place, now, before in differing_entries(value, known.setdefault(key, value), key):
        raise DataError(
            f"{out}: expected {what} with {of}{place} {now!r}, found one with {before!r}; to repeat it write"
            " to another place, to continue it give the arguments it was begun with"
        )


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
