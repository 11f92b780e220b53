# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..utils import atomic_path, atomic_write
from .fingerprint import describe_transform, file_stamp, fingerprint

__all__ = ["cached_array", "sample_key"]


def sample_key(sample: Mapping[str, Any], keys: Sequence[str], settings: Sequence[Any]) -> str:
    """A name in a cache for what is made of a sample; another one when a file, an entry or a setting changes.

    Args:
        sample: the sample.
        keys: its entries that are files, or arrays.
        settings: what else counts, of types that ``json.dumps`` accepts.
    """
    files = {key: _stamps(sample[key]) for key in keys if key in sample}
    rest = {key: describe_transform(value) for key, value in sample.items() if key not in keys}
    return fingerprint([files, rest, *settings])


def cached_array(path: Path, make: Callable[[], tuple[np.ndarray, Mapping[str, Any]]]) -> dict[str, Any]:
    """What is known of an array in a cache folder; it is made and put there where it is not.

    Args:
        path: the array, ``.npy``; beside it lies ``.json`` with what is known of it.
        make: makes both.
    """
    info = path.with_suffix(".json")
    if not (path.is_file() and info.is_file()):
        array, known = make()
        with atomic_path(path) as tmp:
            np.save(tmp, array)
        # written last: its presence says that the array is complete
        with atomic_write(info) as f:
            json.dump(known, f)
    return dict(json.loads(info.read_text(encoding="utf-8")))


def _stamps(value: Any) -> Any:
    if isinstance(value, (str, os.PathLike)):
        return file_stamp(value)
    return [_stamps(v) for v in value] if isinstance(value, (list, tuple)) else describe_transform(value)
