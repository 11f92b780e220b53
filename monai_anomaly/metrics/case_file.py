# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""The compressed file that slices are saved in, to draw pictures from later."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ..utils import DataError, atomic_path

__all__ = ["read_case_file", "unpack_masks", "write_case_file"]


def write_case_file(path: str | os.PathLike, fields: Mapping[str, Any]) -> None:
    """Write arrays as a compressed ``.npz``; boolean ones with ``np.packbits`` take a bit a pixel."""
    with atomic_path(path) as temporary:
        np.savez_compressed(temporary, **fields)


def read_case_file(path: str | os.PathLike, required: Iterable[str], what: str) -> dict[str, np.ndarray]:
    """Read what :py:func:`write_case_file` wrote.

    Args:
        path: the file.
        required: arrays that must be in it.
        what: what the file should hold, for the message.

    Raises:
        DataError: when the file is missing, is damaged, or holds something else.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            fields = dict(file)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: expected {what}, found none that can be read ({error})") from error
    if absent := set(required) - set(fields):
        raise DataError(f"{path}: expected {what}, found no {sorted(absent)}.")
    return fields


def unpack_masks(bits: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Boolean array of a shape from its packed bits."""
    return np.unpackbits(bits, count=int(np.prod(shape))).reshape(shape).astype(bool)
