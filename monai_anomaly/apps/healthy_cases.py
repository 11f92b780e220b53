# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from ..transforms.chosen_threshold import compared_settings
from ..utils import DataError, class_label, listed, read_json, read_nifti

__all__ = ["HealthyPerson", "by_site", "read_healthy"]


@dataclass
class HealthyPerson:
    """The maps of a healthy person, who may have several images.

    Args:
        name: of the person or, where it is not known, of the case.
        site: scanner or hospital; None: not known.
        weights: ``file`` and ``sha256`` of those that made the maps; None: not known.
        settings: of the inference, see `compared_settings`.
        highest: value of all maps.
        files: of the maps, of any shape.
    """

    name: str
    site: str | None
    weights: dict[str, Any] | None
    settings: dict[str, Any]
    highest: float = -np.inf
    files: list[Path] = field(default_factory=list)

    @property
    def values(self) -> np.ndarray:
        """Of all maps, (N,), read anew: those of many people do not fit into memory."""
        return np.concatenate([_read(path).ravel() for path in self.files])


def read_healthy(folder: str | os.PathLike, entry: str = "map") -> list[HealthyPerson]:
    """What an inference made of healthy people: those of a folder of whom no image has another label than 0.

    Args:
        folder: output of an inference, with a folder for each case.
        entry: which image is thresholded: ``"map"``, or ``"mean"`` of `diffseg`.

    Raises:
        DataError: when there is no case, a map is missing or cannot be read, is of exclusive classes, or one person was
            seen at two sites.
    """
    folder = Path(folder).expanduser()
    records = sorted(folder.glob("*/scores.json"))
    if not records:
        raise DataError(f"{folder}: expected the results of an inference on healthy cases, found no */scores.json")
    people: dict[str, HealthyPerson] = {}
    diseased: set[str] = set()
    for path in tqdm(records, desc="reading maps", unit="case", leave=False):
        record = read_json(path)
        known = record.get("input", {})
        name, site = str(known.get("patient", path.parent.name)), known.get("site")
        if class_label(known.get("label", 0), f"{path}: label") != 0:
            diseased.add(name)
        if record.get("encoding") == "classes":
            raise DataError(f"{path}: expected one map, or those of regions, found exclusive classes, whose sum is cut")
        settings = compared_settings(record.get("settings", {}))
        person = people.setdefault(name, HealthyPerson(name, site, record.get("weights"), settings))
        if (person.site, person.settings) != (site, settings):
            raise DataError(f"{path}: expected one site and the same settings for all images of {name}, found others")
        person.files.append(path.parent / f"{entry}.nii.gz")
        person.highest = max(person.highest, float(_read(person.files[-1]).max()))
    for name in diseased:  # also their images without a lesion: who is ill is no healthy person
        del people[name]
    if diseased:
        told = listed(sorted(diseased))
        print(f"{folder}: {len(diseased)} people with an image that is not healthy by its label are left out: {told}")
    if not people:
        raise DataError(f"{folder}: expected healthy people, found {len(diseased)} with a label other than 0")
    return list(people.values())


def by_site(people: Iterable[HealthyPerson]) -> dict[str, list[HealthyPerson]]:
    """The people of each site that is known, in the order of the names of the sites."""
    sites: dict[str, list[HealthyPerson]] = {}
    for person in people:
        if person.site is not None:
            sites.setdefault(str(person.site), []).append(person)
    return dict(sorted(sites.items()))


def _read(path: Path) -> np.ndarray:
    if not path.is_file():
        raise DataError(f"{path}: expected the map of a case, found no such file; of diffseg give --entry mean")
    return read_nifti(path, "a map")[0].astype(np.float32)
