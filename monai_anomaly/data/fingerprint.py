# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import functools
import hashlib
import inspect
import json
import os
from collections.abc import Mapping, Sequence, Set
from enum import Enum
from pathlib import Path, PurePath
from types import (
    BuiltinFunctionType,
    CodeType,
    EllipsisType,
    FunctionType,
    MethodDescriptorType,
    MethodWrapperType,
    WrapperDescriptorType,
)
from typing import Any

import numpy as np
import torch

from ..utils import file_digest, walk

__all__ = ["content_digest", "describe_transform", "file_stamp", "fingerprint"]

_ARRAYS = (np.ndarray, np.generic, torch.Tensor)
# what ``str`` tells from others of its kind
_NAMED = (type, np.dtype, torch.dtype, Enum, PurePath, complex, slice, range, EllipsisType)
_BUILTINS = (BuiltinFunctionType, MethodDescriptorType, MethodWrapperType, WrapperDescriptorType, np.ufunc)


def describe_transform(transform: Any) -> Any:
    """Describe a transform by its class and settings, the same in every process.

    Pickled bytes or ``repr`` do not serve as the key of a cache on disk: ``Compose`` holds a randomly seeded generator
    and readers remember the last file. Here settings are numbers, strings, arrays, functions and other callable
    objects. Of an object that cannot be called, those count that its class was called with, and else the class alone.
    Of a function its byte code, constants, defaults and what it encloses count, and of the globals that it names plain
    values and functions: an object behind a global is not looked into.

    Args:
        transform: a transform, or a setting of one.

    Returns:
        something ``json.dumps`` accepts.
    """
    return _describe(transform, {})


def _describe(value: Any, known: dict[int, int]) -> Any:
    """``known`` numbers the functions and objects met so far: one that holds itself has an end, and none is described
    twice."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, _ARRAYS):
        values = np.ascontiguousarray(value.detach().cpu() if torch.is_tensor(value) else value)
        return [str(values.dtype), list(values.shape), hashlib.sha256(values.tobytes()).hexdigest()]
    if isinstance(value, _NAMED):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _describe(entry, known) for key, entry in sorted(value.items(), key=str)}
    if isinstance(value, Sequence):
        return [_describe(entry, known) for entry in value]
    if isinstance(value, Set):  # in another order in every process
        return sorted(json.dumps(_describe(entry, known)) for entry in value)
    if isinstance(value, CodeType):
        return [value.co_code.hex(), *(_describe(part, known) for part in (value.co_names, value.co_consts))]
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    settings = _settings(value)
    if not callable(value) and not settings:
        return kind
    if id(value) in known:
        return ["known", known[id(value)]]
    known[id(value)] = len(known)
    if inspect.isfunction(value):
        return [value.__qualname__, *(_describe(part, known) for part in _parts(value))]
    if inspect.ismethod(value):
        return ["method", _describe(value.__func__, known), _describe(value.__self__, known)]
    if isinstance(value, functools.partial):
        return ["partial", *(_describe(part, known) for part in (value.func, value.args, value.keywords))]
    if isinstance(value, _BUILTINS):  # its text holds the address of what it belongs to
        name = getattr(value, "__qualname__", value.__name__)  # before numpy 2 a ufunc has no long name
        return [getattr(value, "__module__", None), name, _describe(getattr(value, "__self__", None), known)]
    return [kind, {key: _describe(setting, known) for key, setting in sorted(settings.items())}]


def _settings(value: Any) -> dict[str, Any]:
    """The attributes of a callable object; of another those that are named as what its class is called with."""
    attributes = dict(getattr(value, "__dict__", {}))
    if callable(value) or not attributes:
        return attributes
    try:
        names = inspect.signature(type(value)).parameters
    except (TypeError, ValueError):
        return {}
    return {name: attributes[name] for name in names if name in attributes}


def _parts(function: FunctionType) -> list[Any]:
    """What a function does, apart from its name."""
    # __name__ and __file__ are others in a worker or after a move
    names = [name for name in sorted(_names(function.__code__)) if not name.startswith("__")]
    found = {name: function.__globals__[name] for name in names if name in function.__globals__}
    used = {name: value for name, value in found.items() if _counts(value)}
    closure = [cell.cell_contents for cell in function.__closure__ or ()]
    return [function.__code__, closure, function.__defaults__, function.__kwdefaults__, used]


def _names(code: CodeType) -> set[str]:
    """The globals and attributes that code names, or code within it, like that of an inner function."""
    return {*code.co_names}.union(*(_names(part) for part in code.co_consts if isinstance(part, CodeType)))


def _counts(value: Any) -> bool:
    """Whether a global is a plain value or a function."""
    if isinstance(value, (tuple, list, set, frozenset)):
        return all(map(_counts, value))
    if isinstance(value, dict):
        return all(map(_counts, value.values()))
    plain = value is None or isinstance(value, (bool, int, float, str, bytes, *_ARRAYS, *_NAMED))
    return plain or isinstance(value, (FunctionType, functools.partial, *_BUILTINS))


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
