# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import warnings
import zlib
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..utils import DataError, class_label, listed, read_json
from .datalist import SECTIONS, load_datalist
from .site_design import absent_classes, check_training, lone_sites
from .spellings import plain_name

__all__ = ["list_sites", "load_site_samples"]

Sample = dict[str, Any]


def load_site_samples(
    path: str | os.PathLike,
    section: str,
    target: str | Sequence[str] | None = None,
    split: int = 0,
    sites: Sequence[str] | None = None,
    modalities: Sequence[str] | None = None,
    num_classes: int | None = None,
    requires: Sequence[str] = (),
) -> list[dict[str, Any]]:
    """Read the samples of one section of a datalist of several sites, or of another random split of it.

    Another split deals the people of each site and class anew to training, validation and test, each of which keeps
    their number. It depends on the people and on ``split`` alone. Who was seen at several sites, or has images of
    several classes, is dealt with those alike, as one person.

    Args:
        path: the datalist, see `load_datalist`.
        section: of it. Sections other than training, validation and test are not dealt anew.
        target: the site, or the sites, of the target domain; None: those of the datalist's entry ``target``.
        split: 0: as the datalist has it; 1, 2, ...: another one.
        sites: only images of these; None: of all. The splits do not depend on it.
        modalities: the channels that are expected, in order.
        num_classes: number of classes; None: those in the sections.
        requires: further entries that every sample must have.

    Returns:
        the samples, each with ``subject``, ``site`` and ``label``.

    Warns:
        UserWarning: of the training, when a site has one image; of the others, when the target domain lacks a class.

    Raises:
        DataError: as `load_datalist`; a sample lacks a site, a label or a subject; the target or another site is not
            in the datalist; or, of the training, the target domain lacks a class.
    """
    if isinstance(split, bool) or not isinstance(split, int) or split < 0:
        raise DataError(f"split: expected 0, 1, 2, ..., found {split!r}")

    def read(name: str) -> list[dict[str, Any]]:
        needed = ["site", "label", "subject", *requires]
        samples = load_datalist(path, name, modalities, requires=needed, num_classes=num_classes)
        return [{**s, "site": str(s["site"]), "label": class_label(s["label"], f"{path}: label")} for s in samples]

    samples = read(section)
    datalist = read_json(Path(path).expanduser())
    if split and section in SECTIONS:
        present = [name for name in SECTIONS if datalist.get(name)]
        samples = _dealt({name: samples if name == section else read(name) for name in present}, split)[section]
    known = {str(sample.get("site")) for name in (*SECTIONS, section) for sample in datalist.get(name, [])}
    if sites is not None:
        wanted = {*map(str, sites)}
        if unknown := sorted(wanted - known):
            raise DataError(f"{path}: expected some of the sites {', '.join(sorted(known))}, found {listed(unknown)}")
        samples = [sample for sample in samples if sample["site"] in wanted]
    _check(samples, datalist.get("target") if target is None else target, num_classes, f"{path}", section, known)
    return samples


def list_sites(path: str | os.PathLike, section: str = "training") -> list[str]:
    """The sites of a section of a datalist, sorted: those that a training knows.

    Args:
        path: the datalist, see `load_datalist`.
        section: of it.

    Raises:
        DataError: no sample of the section has a site.
    """
    samples = read_json(Path(path).expanduser()).get(section) or []
    sites = sorted({str(sample["site"]) for sample in samples if sample.get("site") not in (None, "")})
    if not sites:
        raise DataError(f"{path}: expected samples with a 'site' in the section '{section}', found none")
    return sites


def _dealt(parts: Mapping[str, Sequence[Sample]], split: int) -> dict[str, list[Sample]]:
    """The samples of each section, after the people of each site and class were dealt anew."""
    people: dict[str, list[Sample]] = defaultdict(list)
    home: dict[str, str] = {}
    for section, samples in parts.items():
        for sample in samples:
            person = plain_name(str(sample["subject"]))
            people[person].append(sample)
            home.setdefault(person, section)
    strata: dict[tuple, list[str]] = defaultdict(list)
    # as they are written: the splits of a set stay what they were, whatever else makes two names one person
    for person in sorted(people, key=lambda person: min(str(s["subject"]).casefold() for s in people[person])):
        strata[tuple(sorted({(sample["site"], sample["label"]) for sample in people[person]}))].append(person)
    dealt: dict[str, list[Sample]] = {section: [] for section in parts}
    for stratum, alike in sorted(strata.items()):
        # of its own seed, so that the people of a site are dealt alike whatever other sites there are
        rng = np.random.default_rng([split, zlib.crc32(repr(stratum).encode())])
        places = sorted((home[person] for person in alike), key=list(parts).index)
        for person, section in zip(rng.permutation(alike), places, strict=True):
            dealt[section] += people[person]
    return dealt


def _check(
    samples: Sequence[Sample], target: Any, num_classes: int | None, where: str, section: str, known: Collection[str]
) -> None:
    if not samples or target in (None, "", [], ()):
        missing = (
            "images of the sites asked for" if not samples else "a target domain: name its site, or sites, as 'target'"
        )
        raise DataError(f"{where}: expected {missing} in the section '{section}', found none")
    origin = f"{where}, section '{section}'"
    classes = range(num_classes) if num_classes is not None else {sample["label"] for sample in samples}
    if section != "training":
        if problem := absent_classes(samples, target, classes, origin):
            warnings.warn(problem, stacklevel=3)
        return
    check_training(samples, target, classes, origin, known)
    if alone := lone_sites(samples):
        warnings.warn(f"{origin}: {alone}", stacklevel=3)
