# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""What is known of a file of weights: a JSON beside it, bound to its bytes."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .errors import DataError
from .files import atomic_write

__all__ = ["file_digest", "read_model_record", "write_model_record"]


def file_digest(path: str | os.PathLike) -> str:
    """SHA-256 of a file's bytes, hexadecimal; computed anew when it is another file or was changed."""
    path = os.path.abspath(path)
    stat = os.stat(path)
    # two files of one size within a tick of a coarse clock differ in the inode: the second one was renamed to the first
    return _digest(path, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)


@functools.lru_cache(maxsize=64)
def _digest(path: str, *identity: int) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as f:
        while part := f.read(2**20):
            digest.update(part)
    return digest.hexdigest()


def write_model_record(model: str | os.PathLike, training: Mapping[str, Any]) -> None:
    """Write beside a file of weights what it was trained with.

    Args:
        model: the weights, e.g. ``model.pt``; the record is ``model.json``.
        training: seed, data, settings, ...; what ``json.dump`` takes.
    """
    with atomic_write(Path(model).with_suffix(".json")) as f:
        json.dump({"sha256": file_digest(model), "training": dict(training)}, f, indent=1)


def read_model_record(model: str | os.PathLike) -> dict[str, Any]:
    """What is known of a file of weights.

    Args:
        model: the weights.

    Returns:
        ``file`` (its name), ``sha256``, and ``training`` as it was written; None when there is no record, or one of
        other weights, which brings a warning.

    Raises:
        DataError: when there are no weights, or the record is no JSON object.
    """
    model = Path(model)
    if not model.is_file():
        raise DataError(f"{model}: expected the weights of a training, found no such file")
    known: dict[str, Any] = {"file": model.name, "sha256": file_digest(model), "training": None}
    path = model.with_suffix(".json")
    if not path.is_file():
        return known
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        training, of = record["training"], record["sha256"]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: expected the record of {model.name}, found {error!r}; remove it") from error
    if of != known["sha256"]:
        warnings.warn(
            f"{path} tells how another file than {model} was trained: nothing is known of this one", stacklevel=2
        )
        return known
    return {**known, "training": training}
