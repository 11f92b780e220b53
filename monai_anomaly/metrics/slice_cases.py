# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import copy
from typing import Any, TypeVar

import numpy as np
import torch

from ..utils import DataError
from .finite import check_numbers

__all__ = ["SliceCases", "as_array"]

Cases = TypeVar("Cases", bound="SliceCases")


class SliceCases:
    """Base of the slices of one set with what a method made of them, ready to be scored.

    A field of all slices, ``cases["image"]``, is one stacked array. A subclass defines ``append``, which ends with
    :py:meth:`_add`, and what stands for an optional field that a slice lacks.

    Args:
        dtype: how images are kept; float16 halves the memory of large sets.
    """

    def __init__(self, dtype: str = "float32") -> None:
        self.dtype = np.dtype(dtype)
        self._rows: list[dict[str, Any]] = []
        self._stacks: dict[str, np.ndarray] = {}

    def extend(self, other: SliceCases) -> None:
        """Add the slices of another set, but for those whose subject and slice are known already."""
        known = set(self.slice_keys) - {("", "")}
        self._rows += [row for row in other._rows if (row["subject"], row["slice"]) not in known]
        self._stacks.clear()

    def subset(self: Cases, indices: Iterable[int]) -> Cases:
        """The slices of some numbers, as a set of its own that shares their arrays."""
        few = copy(self)
        few._rows, few._stacks = [self._rows[i] for i in indices], {}
        return few

    @property
    def slice_keys(self) -> list[tuple[str, str]]:
        """Subject and slice of each, by which several sets are matched."""
        return [(row["subject"], row["slice"]) for row in self._rows]

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, field: str) -> np.ndarray:
        """One field of all slices, stacked; made once and kept until the next ``append``."""
        if field not in self._stacks:
            if not self._rows:
                raise DataError("Expected at least one slice to score, found none.")
            missing = self._missing()
            self._stacks[field] = np.stack([missing[field] if r[field] is None else r[field] for r in self._rows])
        return self._stacks[field]

    def _missing(self) -> dict[str, np.ndarray]:
        """What stands for an optional field that a slice lacks."""
        return {}

    def _name(self, subject: str, index: str | int) -> str:
        """How messages call the slice that comes next."""
        return f"{subject or 'case'} {index}".strip() or str(len(self))

    def _check_shapes(self, name: str, row: Mapping[str, Any], leading: Mapping[str, tuple[int, ...]]) -> None:
        """The image against the slices before, the other arrays against the image and what comes before H and W."""
        shape = np.shape(row["image"])
        if self._rows and shape != self._rows[0]["image"].shape:
            raise DataError(f"{name}: expected an image of shape {self._rows[0]['image'].shape}, found {shape}.")
        for key, channels in leading.items():
            if row[key] is not None and row[key].shape != (*channels, *shape[1:]):
                raise DataError(f"{name}: expected {key} of shape {(*channels, *shape[1:])}, found {row[key].shape}.")

    def _check_finite(self, name: str, row: Mapping[str, Any], keys: Iterable[str]) -> None:
        """NaN and infinity, which would be scored as something; NaN stands for what a slice lacks."""
        for key in keys:
            try:
                check_numbers(key, row[key])
            except DataError as error:
                raise DataError(f"{name}: {error}.") from error

    def _add(self, row: Mapping[str, Any], subject: str, index: str | int) -> None:
        self._rows.append({**row, "subject": str(subject), "slice": str(index)})
        self._stacks.clear()


def as_array(x: Any) -> np.ndarray | None:
    """An array or tensor (also a MetaTensor, on any device; as float32) as NumPy array; None stays None."""
    if isinstance(x, torch.Tensor):
        return torch.Tensor.numpy(x.detach().as_subclass(torch.Tensor).float().cpu())
    return None if x is None else np.asarray(x)
