# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Reading a file of ``torch.save`` without trusting it, for the loaders of weights and the converter."""

from __future__ import annotations

import os
import warnings
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from .errors import DataError
from .listed import listed

__all__ = ["check_finite", "check_floating", "load_tensors", "verify_file"]

ADVICE = "copy or download it again"
FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def verify_file(path: str | os.PathLike) -> bool:
    """Check the bytes of a checkpoint against the checksums in it, which ``torch.load`` does not look at.

    Files of ``torch.save`` are zip archives with a CRC-32 for each record; those of before PyTorch 1.6 have none.

    Args:
        path: file written by ``torch.save``.

    Returns:
        Whether there were checksums, so that the file is known to be intact.

    Raises:
        DataError: if the file is missing or damaged.
    """
    if not Path(path).is_file():
        raise DataError(f"{path}: no such file")
    with open(path, "rb") as file:
        if file.read(4) != b"PK\x03\x04":
            return False
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, OSError) as e:
        raise DataError(f"{path}: expected an intact checkpoint, found a damaged file ({e}); {ADVICE}") from e
    if damaged is not None:
        raise DataError(
            f"{path}: expected an intact checkpoint, found a damaged file (wrong checksum of {damaged!r}); "
            f"{ADVICE}, or save it anew if it was written after torch.serialization.set_crc32_options(False)"
        )
    return True


def load_tensors(path: str | os.PathLike) -> Any:
    """Read a checkpoint onto the CPU, its checksums verified, without running code from it.

    Args:
        path: file written by ``torch.save``, on any device. One without checksums brings a warning.

    Returns:
        What was saved: a state dict, or containers of plain values and tensors.

    Raises:
        DataError: if the file is missing, is damaged, is no checkpoint, or holds something else than these.
    """
    verified = verify_file(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as e:  # torch raises many kinds for what is no checkpoint
        raise DataError(
            f"{path}: expected a PyTorch checkpoint that holds tensors only, found {_found(path, e)}"
        ) from e
    if not verified:
        warnings.warn(
            f"{path}: written in the format of before PyTorch 1.6, without checksums: whether it is intact cannot be "
            "checked",
            stacklevel=2,
        )
    return content


def _found(path: str | os.PathLike, error: Exception) -> str:
    """What a file that torch cannot read is; without torch's advice to run the code in it."""
    if not Path(path).stat().st_size:
        return "an empty file"
    with open(path, "rb") as file:
        if file.read(15).lstrip()[:1] in (b"<", b"{"):
            return "text, perhaps the page of a failed download"
    _, _, reason = str(error).partition("WeightsUnpickler error: ")
    lines = (reason or str(error)).splitlines()[: 1 if reason else 2]
    return f"one that cannot be read: {' '.join(line.strip() for line in lines)}"


def check_finite(tensors: Mapping[str, torch.Tensor]) -> None:
    """Check that weights are numbers.

    Args:
        tensors: by name, of any type and on any device.

    Raises:
        DataError: if there is a NaN or an infinity in one; it names the first ones and how many entries they are.
    """
    bad = {
        name: int((~value.isfinite()).sum())
        for name, value in tensors.items()
        if not (value.is_meta or bool(value.isfinite().all()))
    }
    if bad:
        raise DataError(
            f"expected finite weights, found NaN or infinity in {len(bad)} of {len(tensors)} tensors ({_named(bad)}): "
            "the training diverged; take an earlier checkpoint"
        )


def check_floating(tensors: Mapping[str, torch.Tensor]) -> None:
    """Check that weights are real floating point numbers; not for networks with counters (batch normalization).

    Args:
        tensors: by name.

    Raises:
        DataError: if one is of whole numbers, bool, complex or sparse; it names the first ones.
    """
    bad = {
        name: str(value.dtype if value.layout == torch.strided else value.layout).removeprefix("torch.")
        for name, value in tensors.items()
        if value.dtype not in FLOATS or value.layout != torch.strided
    }
    if bad:
        raise DataError(
            "expected weights of floating point numbers (16, 32 or 64 bits), found other types in "
            f"{len(bad)} of {len(tensors)} tensors ({_named(bad)})"
        )


def _named(found: Mapping[str, object]) -> str:
    return listed(f"{name}: {value}" for name, value in sorted(found.items()))
