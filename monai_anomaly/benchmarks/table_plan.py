# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monai.bundle import ConfigParser
from monai.bundle.reference_resolver import ReferenceResolver

from ..utils import DataError, listed, read_json
from .record import used_config

__all__ = ["PLACES", "PlannedRow", "TablePlan"]

WHAT = "the plan of a table, with config, rows, splits and perhaps split_id"
PLACES = ("ckpt_dir", "output_dir")
"""Entries of a configuration that say where a training writes to."""


@dataclass(frozen=True)
class PlannedRow:
    """A method of a table.

    Args:
        config: JSON files of its configuration, the later ones over the earlier ones.
        overrides: id -> entry.
    """

    config: Sequence[str]
    overrides: Mapping[str, Any]

    def used(self) -> dict[str, Any]:
        """What its trainings depend on: the entries that ``run`` needs, see :py:func:`used_config`."""
        parser = self._parser()
        return used_config(parser, [name for name in ("initialize", "run") if name in parser])

    def check(self, *names: str) -> None:
        """Make sure that the configuration has some entries, and those that are overridden.

        Raises:
            DataError: when one is absent: nothing would read what it is overridden with.
        """
        files, parser = ", ".join(self.config), self._files()
        if absent := [name for name in names if name not in parser]:
            raise DataError(f"{files}: expected a configuration with {', '.join(names)}, found no {', '.join(absent)}")
        roots = {ReferenceResolver.normalize_id(name).split(ReferenceResolver.sep)[0] for name in self.overrides}
        if unknown := [name for name in sorted(roots) if name not in parser]:
            raise DataError(f"{files}: expected overrides of its entries, found {listed(unknown)}, which it has not")

    def _files(self) -> ConfigParser:
        parser = ConfigParser()
        parser.read_config(list(self.config))
        return parser

    def _parser(self) -> ConfigParser:
        parser = self._files()
        parser.update(dict(self.overrides))
        parser.parse()
        return parser


@dataclass(frozen=True)
class TablePlan:
    """Which methods are trained and evaluated, on how many splits.

    Args:
        rows: name -> method; the others are compared to the first.
        splits: how many.
        split_id: entry of the configurations that takes the number of the split, from 1.
    """

    rows: Mapping[str, PlannedRow]
    splits: int
    split_id: str

    @classmethod
    def read(cls, path: str | os.PathLike, overrides: Mapping[str, Any]) -> TablePlan:
        """Read a plan: ``{"config": [files], "rows": {name: {"config": [further files], "overrides": {id: entry}}},
        "splits": 3, "split_id": "split"}``.

        Files are relative to the folder of the plan, or to the one above, which is the bundle's where the plan lies
        among its configurations.

        Args:
            path: of the JSON.
            overrides: of all rows; they replace those of the plan.

        Raises:
            DataError: when the file is no plan, names a file that is not there, or a configuration lacks what a
                training is given.
        """
        content, path = read_json(path, WHAT), Path(path)
        _known(path, content, WHAT, ("config", "rows", "splits", "split_id"))
        splits, split_id = content.get("splits"), content.get("split_id", "split")
        if not isinstance(splits, int) or isinstance(splits, bool) or splits < 1:
            raise DataError(f"{path}: expected splits of at least 1, found {splits!r}")
        if not isinstance(split_id, str):
            raise DataError(f"{path}: expected split_id of a text, found {split_id!r}")
        if taken := sorted({split_id, *PLACES} & set(overrides)):
            raise DataError(f"{path}: expected {', '.join(taken)} from the table itself, found an override")
        shared, rows = _files(path, content, "config"), {}
        if not isinstance(content.get("rows"), dict) or not content["rows"]:
            raise DataError(f"{path}: expected rows of names and methods, found {content.get('rows')!r}")
        for name, row in content["rows"].items():
            place = f"row {name}"
            _known(path, row, place, ("config", "overrides"))
            if "=" in name or "," in name or not name.strip(" ."):
                raise DataError(f"{path}: expected names of rows, without = and comma, found {name!r}")
            own = row.get("overrides", {})
            if not isinstance(own, dict):
                raise DataError(f"{path}: expected overrides of {place} of names and entries, found {own!r}")
            rows[name] = PlannedRow([*shared, *_files(path, row, "config", place)], {**own, **overrides})
            rows[name].check("run", split_id, *PLACES)
        return cls(rows, splits, split_id)


def _known(path: Path, content: Any, what: str, keys: Sequence[str]) -> None:
    if not isinstance(content, dict):
        raise DataError(f"{path}: expected {what}, found a {type(content).__name__}")
    if unknown := sorted(set(content) - set(keys)):
        raise DataError(f"{path}: expected {what}, entries {', '.join(keys)}, found {', '.join(unknown)}")


def _files(path: Path, content: Mapping[str, Any], key: str, place: str = "the plan") -> list[str]:
    """Paths of the files of an entry."""
    names = content.get(key, [])
    names = [names] if isinstance(names, str) else names
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise DataError(f"{path}: expected {key} of {place} of names of files, found {names!r}")
    found = []
    for name in names:
        places = [folder / name for folder in (path.parent, path.absolute().parent.parent)]
        there = [place for place in places if place.is_file()]
        if not there:
            raise DataError(f"{path}: expected {key} {name} at {' or '.join(map(str, places))}, found no such file")
        if there[0].suffix == ".json" and not isinstance(read := read_json(there[0], "a configuration"), dict):
            raise DataError(f"{there[0]}: expected a configuration, found a {type(read).__name__}")
        found.append(str(there[0]))
    return found
