# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..utils import DataError
from .schema import Schema

__all__ = ["Cases"]


class Cases:
    """The cases of one set (validation or test) with what a method made of them, ready to be scored.

    A case is one item that is scored: an image, or a whole volume of which only what is scored is kept. A field of
    all cases, ``cases["map"]``, is one stacked array (N, ...); what stands for a field that a case lacks is NaN, False,
    -1 or empty text. The names ``subject`` and ``slice`` tell cases apart.

    Args:
        schema: the fields.
        dtype: how images are kept; float16 halves the memory of large sets.

    Example::

        schema = Schema("anomaly_maps", (Field("image", "image", ("C", "H", "W")), Field("label", "label")))
        cases = Cases(schema)
        cases.append(image=np.zeros((1, 8, 8)), label=1, subject="a", slice=3)
        cases["label"]  # array([1])
    """

    def __init__(self, schema: Schema, dtype: str = "float32") -> None:
        self.schema = schema
        self.dtype = np.dtype(dtype)
        self._rows: list[dict[str, Any]] = []
        self._stacks: dict[str, np.ndarray] = {}
        self._sizes: dict[str, int] = {}

    def append(self, subject: str = "", slice: str | int = "", **values: Any) -> None:
        """Add one case.

        Args:
            subject: whose it is.
            slice: which of the subject's slices.
            values: field -> array, tensor or scalar, without a batch axis; None: the case lacks it.

        Raises:
            DataError: when a required field is missing, a shape disagrees with another field or with the cases before,
                a value is not finite or out of range, or the cases before differ in having a uniform field.
            TypeError: when the schema has no such field.
        """
        if unknown := sorted(set(values) - set(self.schema.names)):
            raise TypeError(f"expected fields of {self.schema.names}, got {unknown}")
        names = {"subject": str(subject), "slice": str(slice)}
        try:
            self._add({**names, **self._row(values)})
        except DataError as error:
            raise DataError(f"{case_name(*names.values()) or len(self)}: {error}.") from error

    def _row(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The fields of a case as they are kept, None where it lacks one."""
        row: dict[str, Any] = {}
        for field in self.schema.fields:
            value = values.get(field.name)
            row[field.name] = None if value is None else field.keep(value, self.dtype)
            if row[field.name] is None and field.default is not None:
                row[field.name] = field.default(row)
        if absent := [f.name for f in self.schema.fields if f.required and row[f.name] is None]:
            required = " and ".join(f.name for f in self.schema.fields if f.required)
            raise DataError(f"expected {required}, found no {' and no '.join(absent)}")
        return row

    def _add(self, row: dict[str, Any]) -> None:
        """Add a case that fits those before."""
        for field in (f for f in self.schema.fields if f.uniform and self._rows):
            before, now = self._rows[0][field.name] is not None, row[field.name] is not None
            if before != now:
                expected, found = (field.name, "none") if before else (f"no {field.name}", "one")
                raise DataError(f"expected {expected}, like the cases before, found {found}")
        self._sizes = self.schema.sizes(row, self._sizes)
        self._rows.append(row)
        self._stacks.clear()

    def extend(self, other: Cases) -> None:
        """Add the cases of another set, except those whose subject and slice are known already.

        Raises:
            DataError: when the set is of another schema, or one of its cases does not fit those before; none is added.
        """
        if other.schema != self.schema:
            raise DataError(f"Expected cases of {self.schema.name}, found those of {other.schema.name}.")
        known, whole = set(self.keys) - {("", "")}, self.subset(range(len(self)))
        for row, title in zip(other._rows, other.titles, strict=True):
            if (row["subject"], row["slice"]) in known:
                continue
            try:
                whole._add(row)
            except DataError as error:
                raise DataError(f"{title}: {error}.") from error
        self._rows, self._sizes = whole._rows, whole._sizes
        self._stacks.clear()

    def subset(self, numbers: Iterable[int]) -> Cases:
        """The cases of some numbers, as a set of its own that shares their arrays."""
        few = Cases(self.schema, self.dtype.name)
        few._rows, few._sizes = [self._rows[i] for i in numbers], dict(self._sizes)
        return few

    def replace(self, **stacks: np.ndarray | Sequence[np.ndarray | None] | None) -> Cases:
        """The same cases with other values of some fields: stacked (N, ...), or one of each case, of which some may be
        None; None: without the field.

        The stacks of the other fields are shared: they are most of the memory.
        """
        other = self.subset(range(len(self)))
        kept = (name for name in self._stacks if name not in stacks and self.has(name))
        other._stacks = {name: self._stacks[name] for name in kept}
        for name, stack in stacks.items():
            values = [None] * len(self) if stack is None else stack
            other._rows = [{**row, name: value} for row, value in zip(other._rows, values, strict=True)]
            if isinstance(stack, np.ndarray):
                other._stacks[name] = stack
                letters = zip(self.schema[name].shape, stack.shape[1:], strict=True)
                other._sizes |= {str(letter): size for letter, size in letters if isinstance(letter, str)}
        return other

    def has(self, field: str) -> bool:
        """Whether there are cases, and all of them have a field."""
        return bool(self._rows) and bool(self.known(field).all())

    def known(self, field: str) -> np.ndarray:
        """(N,) which cases have a field."""
        return np.array([row[field] is not None for row in self._rows], bool)

    @property
    def keys(self) -> list[tuple[str, str]]:
        """Subject and slice of each, by which several sets are matched."""
        return [(row["subject"], row["slice"]) for row in self._rows]

    @property
    def titles(self) -> list[str]:
        """How pictures and messages call each."""
        return [case_name(*key) or f"case {i}" for i, key in enumerate(self.keys)]

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """One dictionary per case: field -> value, or None."""
        return iter(self._rows)

    def __getitem__(self, field: str) -> np.ndarray:
        """One field of all cases, stacked; made once and kept until the next ``append``."""
        if field not in self._stacks:
            if not self._rows:
                raise DataError("Expected at least one case to score, found none.")
            values = [row[field] for row in self._rows]
            if field not in ("subject", "slice"):
                kind = self.schema[field]
                shape = tuple(s if isinstance(s, int) else self._sizes.get(s, 0) for s in kind.shape)
                typed = next((value for value in values if value is not None), np.float32(0))
                nothing = np.full(shape, kind.missing, np.result_type(typed, type(kind.missing)) if shape else None)
                values = [nothing if value is None else value for value in values]
            self._stacks[field] = np.stack(values)
        return self._stacks[field]


def case_name(subject: str, index: str) -> str:
    """How messages call a case."""
    return f"{subject or ('case' if index else '')} {index}".strip()
