# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import zipfile
from typing import Any

import numpy as np

from ..utils import DataError, atomic_path
from .cases import Cases
from .schema import Schema

__all__ = ["load_cases", "save_cases"]

NAMES = ("subject", "slice")


def save_cases(cases: Cases, path: str | os.PathLike) -> None:
    """Write a compressed ``.npz`` to draw pictures from later; arrays of numbers are rounded to float16, masks take a
    bit per pixel.

    Scores are not taken from it: a value just above a threshold may round to it. Members of an ensemble that are
    probabilities are left out, they would be most of the file.

    Args:
        cases: the set.
        path: file to write.
    """
    fields: dict[str, Any] = {"schema": np.array(cases.schema.name), **{name: cases[name] for name in NAMES}}
    for field in cases.schema.fields:
        known = cases.known(field.name)
        values = cases[field.name][known]
        if field.kind == "member" and values.dtype != bool:
            known, values = np.zeros_like(known), values[:0]
        fields[f"has_{field.name}"] = known
        fields[f"shape_{field.name}"] = np.array(values.shape)
        if values.dtype == bool:
            values = np.packbits(values)
        fields[field.name] = np.float16(values) if field.shape and values.dtype.kind == "f" else values
    with atomic_path(path) as temporary:
        np.savez_compressed(temporary, **fields)


def load_cases(path: str | os.PathLike, schema: Schema) -> Cases:
    """Read what :py:func:`save_cases` wrote.

    Args:
        path: the file.
        schema: of its cases.

    Raises:
        DataError: when the file is missing, is damaged, or holds something else.
    """
    what = f"saved cases of {schema.name}"
    try:
        with np.load(path, allow_pickle=False) as file:
            found = dict(file)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: expected {what}, found none that can be read ({error})") from error
    names = [f"{part}{name}" for name in schema.names for part in ("", "has_", "shape_")]
    if absent := [name for name in ("schema", *NAMES, *names) if name not in found]:
        raise DataError(f"{path}: expected {what}, found no {absent}.")
    if str(found["schema"]) != schema.name:
        raise DataError(f"{path}: expected {what}, found those of {found['schema']}.")
    cases = Cases(schema, "float16")
    values = {name: iter(_unpacked(found[name], found[f"shape_{name}"])) for name in schema.names}
    for i in range(len(found["subject"])):
        row = {name: next(values[name]) for name in schema.names if found[f"has_{name}"][i]}
        cases.append(**{name: str(found[name][i]) for name in NAMES}, **row)
    return cases


def _unpacked(values: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """The stack of a field; masks from their bits."""
    if values.shape == tuple(shape):
        return values
    return np.unpackbits(values, count=int(np.prod(shape))).reshape(shape).astype(bool)
