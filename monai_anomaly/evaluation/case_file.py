# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import zipfile
import zlib
from typing import Any

import numpy as np

from ..utils import DataError, atomic_write
from .cases import Cases
from .schema import Field, Schema

__all__ = ["load_cases", "save_cases"]

NAMES = ("subject", "slice")
UNREADABLE = (OSError, ValueError, EOFError, TypeError, RuntimeError, zipfile.BadZipFile, zlib.error)
"""What NumPy raises at a file that is none of its archives, or a damaged one."""


def save_cases(cases: Cases, path: str | os.PathLike, run: str = "") -> None:
    """Write a compressed ``.npz`` to draw pictures from later; arrays of numbers are rounded to float16, where it has
    their range and no truth is measured on them, masks take a bit per pixel.

    Scores are not taken from it: a value just above a threshold may round to it. Members of an ensemble that are
    probabilities are left out, they would be most of the file.

    Args:
        cases: the set.
        path: file to write.
        run: the evaluation they are of, as its report's ``provenance`` has it.
    """
    fields: dict[str, Any] = {"schema": np.array(cases.schema.name), "run": np.array(run)}
    fields |= {name: cases[name] for name in NAMES}
    for field in cases.schema.fields:
        known = cases.known(field.name)
        values = cases[field.name][known]
        if field.kind == "member" and values.dtype != bool:
            known, values = np.zeros_like(known), values[:0]
        fields[f"has_{field.name}"] = known
        fields[f"shape_{field.name}"] = np.array(values.shape)
        fields[field.name] = _packed(values, field)
    with atomic_write(path, "wb") as f:  # to a path NumPy adds a suffix
        np.savez_compressed(f, **fields)


def load_cases(path: str | os.PathLike, schema: Schema, run: str | None = None) -> Cases:
    """Read what :py:func:`save_cases` wrote.

    Args:
        path: the file.
        schema: of its cases.
        run: the evaluation they must be of; None: any.

    Raises:
        DataError: when the file is missing, is damaged, or holds something else.
    """
    what = f"saved cases of {schema.name}"
    try:
        with np.load(path, allow_pickle=False) as file:
            found = dict(file)
    except UNREADABLE as error:
        raise DataError(f"{path}: expected {what}, found none that can be read ({error})") from error
    names = [f"{part}{name}" for name in schema.names for part in ("", "has_", "shape_")]
    if absent := [name for name in ("schema", "run", *NAMES, *names) if name not in found]:
        raise DataError(f"{path}: expected {what}, found no {absent}.")
    if str(found["schema"]) != schema.name:
        raise DataError(f"{path}: expected {what}, found those of {found['schema']}.")
    if run is not None and str(found["run"]) != run:
        raise DataError(
            f"{path}: expected the cases of run {run!r}, as metrics.json beside it has it, found those of run"
            f" {str(found['run'])!r}"
        )
    try:
        return _cases(found, schema)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def _cases(found: dict[str, np.ndarray], schema: Schema) -> Cases:
    count = len(_checked("subject", found["subject"], "U", None))
    _checked("slice", found["slice"], "U", (count,))
    values = {field.name: iter(_unpacked(found, field, count)) for field in schema.fields}
    wide = any(field.kind == "image" and found[field.name].dtype.itemsize > 2 for field in schema.fields)
    cases = Cases(schema, "float32" if wide else "float16")
    for i in range(count):
        row = {name: next(values[name]) for name in schema.names if found[f"has_{name}"][i]}
        cases.append(**{name: str(found[name][i]) for name in NAMES}, **row)
    return cases


def _packed(values: np.ndarray, field: Field) -> np.ndarray:
    """The stack of a field as it is written."""
    if values.dtype == bool:
        return np.packbits(values)
    if not field.shape or values.dtype.kind != "f" or field.exact:
        return values
    small = np.abs(values).max(initial=0) <= np.finfo(np.float16).max
    return values.astype(np.float16 if small else np.float32)


def _unpacked(found: dict[str, np.ndarray], field: Field, count: int) -> np.ndarray:
    """The stack of a field; masks from their bits.

    Raises:
        DataError: when the lengths do not agree, or the values are of another kind.
    """
    name, values = field.name, found[field.name]
    known = int(_checked(f"has_{name}", found[f"has_{name}"], "b", (count,)).sum())
    shape = tuple(_checked(f"shape_{name}", found[f"shape_{name}"], "iu", (1 + len(field.shape),)).tolist())
    if shape[0] != known:
        raise DataError(f"expected {name} of {known} cases, as has_{name} has it, found {shape[0]}")
    if values.dtype == np.uint8:
        size = int(np.prod(shape))
        return np.unpackbits(_checked(name, values, "u", (-(-size // 8),)), count=size).reshape(shape).astype(bool)
    return _checked(name, values, "U" if field.kind == "text" else "fiu", shape)


def _checked(name: str, values: np.ndarray, kinds: str, shape: tuple[int, ...] | None) -> np.ndarray:
    """An array of a kind of values and of a shape; None: of any length."""
    if values.dtype.kind not in kinds or (values.ndim != 1 if shape is None else values.shape != shape):
        expected = "one value per case" if shape is None else f"shape {shape}"
        kind = "text" if kinds == "U" else "numbers"
        raise DataError(f"expected {name} of {kind} and {expected}, found {values.dtype} and {values.shape}")
    return values
