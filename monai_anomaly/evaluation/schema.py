# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch

from ..metrics.finite import check_numbers
from ..utils import DataError

__all__ = ["Field", "Kind", "Schema", "as_array"]

Kind = Literal["image", "float", "mask", "member", "label", "text"]
TOLERANCE = 1e-3
"""By how much a value may leave its range, for rounding in half precision; it is clipped."""
MISSING: dict[str, Any] = {"mask": False, "member": False, "label": -1, "text": ""}
"""What stands for a field that a case lacks; NaN for numbers."""


@dataclass(frozen=True)
class Field:
    """One thing that a case has, or may have.

    Args:
        name: of the field.
        kind: ``"image"`` is kept in the type of its set, ``"float"`` as float32 (a scalar as float64), ``"mask"`` as
            bool (above 0 is true; negative values are refused), ``"member"`` as bool where all values are 0 or 1, else
            as float32, ``"label"`` as a whole number, ``"text"`` as text.
        shape: a size each; a letter stands for one size in all cases of a set.
        required: whether a case must have it.
        made: whether a method makes it; what it is compared with, e.g. the truth, is never read from a prediction.
        uniform: whether either all cases of a set have it, or none.
        low: least value.
        high: greatest value.
        default: the field of a case that lacks it, from its other fields.
        exact: whether saved cases have it unrounded, as the truth of a report is measured on it.

    Example::

        mean = Field("mean", "float", ("K", "H", "W"), required=True, made=True, low=0, high=1)
        mean.keep(torch.full((1, 8, 8), 0.5)).dtype  # float32
    """

    name: str
    kind: Kind
    shape: tuple[str | int, ...] = ()
    required: bool = False
    made: bool = False
    uniform: bool = False
    low: float = -np.inf
    high: float = np.inf
    default: Callable[[Mapping[str, Any]], np.ndarray | None] | None = None
    exact: bool = False

    @property
    def missing(self) -> Any:
        """What stands for it in the stack of a set, where a case lacks it."""
        return MISSING.get(self.kind, np.nan)

    def keep(self, value: Any, dtype: np.dtype | None = None) -> Any:
        """A value as it is kept, a copy: a view would keep the whole batch in memory.

        Args:
            value: array, tensor or scalar.
            dtype: of images; None: float32.

        Raises:
            DataError: when a value is no number, not finite, out of range or too large for its type, or a scalar is
                none.
        """
        if self.kind == "text":
            return str(value)
        values = np.asarray(as_array(value))
        if values.dtype.kind not in "biuf":
            raise DataError(f"expected {self.name} of numbers, found {value!r}")
        if not self.shape and values.size != 1:
            raise DataError(f"expected {self.name} as one number, found {values.size} of shape {values.shape}")
        check_numbers(self.name, values)
        low = max(self.low, 0) if self.kind == "mask" else self.low
        if values.size and not (values.min() >= low - TOLERANCE and values.max() <= self.high + TOLERANCE):
            raise DataError(
                f"expected {self.name} in [{low:g}, {self.high:g}], found {values.min():g} to {values.max():g}"
            )
        if self.kind == "label":
            if values.item() % 1:
                raise DataError(f"expected {self.name} as a whole number, found {values.item():g}")
            return int(values.item())
        if self.kind == "mask" or (self.kind == "member" and bool(((values == 0) | (values == 1)).all())):
            return values > 0
        if np.isfinite(self.low) or np.isfinite(self.high):
            values = np.clip(values, self.low, self.high)
        if not self.shape:
            return float(values.item())
        kept = np.dtype(dtype if self.kind == "image" and dtype is not None else np.float32)
        with np.errstate(over="ignore"):
            cast = np.array(values, kept)
        if not np.isfinite(cast).all():
            raise DataError(f"expected {self.name} that {kept} can hold, found up to {np.abs(values).max():g}")
        return cast


@dataclass(frozen=True)
class Schema:
    """What the cases of a task have, besides the names of the subject and of the slice.

    Args:
        name: of the task, in saved files.
        fields: in order; a ``default`` may use those before it.
        naming: fields in which several cases of one slice differ; `CollectCases` adds them to the slice's name, those
            of the first group of which a case has any.

    Example::

        schema = Schema("scans", (Field("image", "image", ("C", "H", "W"), required=True), Field("label", "label")))
        schema.names  # ["image", "label"]
    """

    name: str
    fields: tuple[Field, ...]
    naming: tuple[tuple[str, ...], ...] = ()

    def __getitem__(self, name: str) -> Field:
        """The field of a name."""
        return {field.name: field for field in self.fields}[name]

    @property
    def names(self) -> list[str]:
        """Of the fields."""
        return [field.name for field in self.fields]

    def sizes(self, row: Mapping[str, Any], known: Mapping[str, int]) -> dict[str, int]:
        """Size of every letter in a case's shapes.

        Args:
            row: field -> array, or None.
            known: sizes from the cases before.

        Raises:
            DataError: when a shape disagrees with those before, or with another field's.
        """
        sizes = dict(known)
        for field in self.fields:
            value = row.get(field.name)
            if value is None or field.kind == "text":
                continue
            expected, found = tuple(sizes.get(str(s), s) for s in field.shape), np.shape(value)
            if len(expected) != len(found) or any(
                isinstance(e, int) and e != f for e, f in zip(expected, found, strict=False)
            ):
                wanted = ", ".join(map(str, expected)) + "," * (len(expected) == 1)
                raise DataError(f"expected {field.name} of shape ({wanted}), found {found}")
            sizes |= {str(s): f for s, f in zip(field.shape, found, strict=True) if isinstance(s, str)}
        return sizes


def as_array(x: Any) -> np.ndarray | None:
    """An array or tensor (also a MetaTensor, on any device; as float32) as NumPy array; None stays None."""
    if isinstance(x, torch.Tensor):
        return torch.Tensor.numpy(x.detach().as_subclass(torch.Tensor).float().cpu())
    return None if x is None else np.asarray(x)
