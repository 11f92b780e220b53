# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import functools
import hashlib
import inspect
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..utils import file_digest, walk

__all__ = ["content_digest", "describe_transform", "file_stamp", "fingerprint"]


def describe_transform(transform: Any) -> Any:
    """Describe a transform by its class and settings, the same in every process.

    Pickled bytes or ``repr`` do not serve as the key of a cache on disk: ``Compose`` holds a randomly seeded generator
    and readers remember the last file. Here settings are numbers, strings, arrays, functions (their byte code) and
    other callable objects; of anything else only the class counts.

    Args:
        transform: a transform, or a setting of one.

    Returns:
        something ``json.dumps`` accepts.
    """
    if transform is None or isinstance(transform, (bool, int, float, str)):
        return transform
    if isinstance(transform, (np.ndarray, torch.Tensor)):
        values = np.ascontiguousarray(transform.detach().cpu() if torch.is_tensor(transform) else transform)
        return [str(values.dtype), list(values.shape), hashlib.sha256(values.tobytes()).hexdigest()]
    if isinstance(transform, Mapping):
        return {str(key): describe_transform(value) for key, value in sorted(transform.items(), key=str)}
    if isinstance(transform, Sequence):
        return [describe_transform(value) for value in transform]
    if inspect.isfunction(transform):
        return [transform.__qualname__, *_describe_code(transform)]
    if isinstance(transform, functools.partial):
        return ["partial", *map(describe_transform, (transform.func, transform.args, transform.keywords))]
    if isinstance(transform, (type, np.dtype, torch.dtype)) or inspect.isbuiltin(transform):
        return str(transform)
    kind = f"{type(transform).__module__}.{type(transform).__qualname__}"
    if not callable(transform):
        return kind
    settings = getattr(transform, "__dict__", {})
    return [kind, {key: describe_transform(value) for key, value in sorted(settings.items())}]


def _describe_code(function: Any) -> list[Any]:
    code = function.__code__
    constants = [c for c in code.co_consts if c is None or isinstance(c, (bool, int, float, str))]
    closure = [cell.cell_contents for cell in function.__closure__ or ()]
    values = (code.co_names, constants, closure, function.__defaults__)
    return [code.co_code.hex(), *map(describe_transform, values)]


def file_stamp(path: str | os.PathLike) -> list[Any]:
    """Return the absolute path, size and time of change of a file; it changes when the file does."""
    path = Path(path).expanduser()
    stat = path.stat() if path.exists() else None
    return [os.path.abspath(path), *((stat.st_size, stat.st_mtime_ns) if stat else (None, None))]


def content_digest(value: Any) -> Any:
    """Hash what an entry of a sample holds; that of files is of their bytes, wherever they lie and whenever written.

    The bytes count, not the image: the same one compressed by another zlib, such as a phantom made anew, has others.
    Files are read whole, which costs a fraction of decoding them; `SliceDataset` does it where it decodes them anyway,
    so with a ``cache_dir`` once. Of a folder, what `walk` finds counts.

    Args:
        value: a path of a file or a folder, several, or an array.

    Returns:
        something ``json.dumps`` accepts.
    """
    if isinstance(value, (list, tuple)):
        return [content_digest(v) for v in value]
    if not isinstance(value, (str, os.PathLike)):
        return describe_transform(value)
    path = Path(value).expanduser()
    if path.is_file():
        return file_digest(path)[:32]
    return fingerprint([file_digest(file) for _, files in walk(path) for file in files if file.is_file()])


def fingerprint(value: Any) -> str:
    """Hash something ``json.dumps`` accepts to 32 hexadecimal digits."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]
