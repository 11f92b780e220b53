# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ...utils import DataError, atomic_write
from ..generated import claim_folder, run_jobs
from .contrast import CONTRASTS, Site, change_site
from .counterfactual import (
    claim_sizes,
    counterfactual_files,
    counterfactual_folder,
    has_counterfactuals,
    list_pairs,
    write_counterfactuals,
)
from .files import is_complete, subject_files, write_subject
from .plan import SPLITS, Person, plan_groups, plan_subjects
from .subject import make_subject
from .template import load_template

__all__ = ["VERSION", "write_phantom"]

VERSION = 3
"""Raised whenever the same arguments give other images, so that old folders are not taken for new ones."""

_NAME, _MANIFEST, _DATALIST = "brain phantom", "phantom.json", "datalist.json"


def write_phantom(
    root: str | os.PathLike,
    subjects: int = 150,
    seed: int = 0,
    spacing: float = 3.0,
    lesions: Sequence[str] = ("tumour",),
    healthy_fraction: float = 0.3,
    sites: Sequence[str] = "ABCD",
    split: Sequence[float] = (0.8, 0.07, 0.13),
    workers: int = 0,
    progress: bool = True,
    counterfactuals: Sequence[float] = (),
    groups: Sequence[Mapping[str, Any]] | None = None,
    contrasts: Sequence[str] = CONTRASTS,
    twin: bool = True,
    scanners: Mapping[str, Mapping[str, Any]] | None = None,
) -> Path:
    """Write brain phantom subjects as NIfTI with a datalist split by subject, or reuse what is there.

    ``root/sub-0001/`` holds ``t1, t1ce, t2, flair, seg`` and, for diseased subjects, the healthy twin
    ``t1_twin, ...`` (all ``.nii.gz``). An entry of the datalist has ``image``, ``mask``, ``twin`` (of a healthy
    subject: its own images), ``label`` (0 healthy, 1 diseased), ``subject``, ``site`` and ``lesion``. A
    second call makes only the subjects with missing or damaged files, so an interrupted one is resumed where it
    stopped.

    With ``counterfactuals`` everyone with a tumor in the test section is also drawn with tumors of other sizes and with
    the tumor at another place, in ``root/sub-0001/counterfactual/``. The section ``counterfactual`` of the datalist
    lists pairs: ``image`` with ``mask`` and the ``target`` with ``target_mask`` that the ``edit`` comes to (insert,
    remove, move, grow, shrink). They may be added to a folder; a call without them leaves those that are there.

    With ``groups`` a design says how many people of which disease are scanned where, in place of ``subjects``,
    ``lesions``, ``healthy_fraction``, ``sites`` and ``split``: a class may then hang on the scanner.

    Args:
        root: folder, made if missing.
        subjects: how many people.
        seed: 0 or more; another seed gives other people.
        spacing: voxel size in mm.
        lesions: diseases, ``"tumour"`` or ``"ms"``, in turn.
        healthy_fraction: share of healthy people.
        sites: scanners, in turn.
        split: shares of training, validation and test.
        workers: processes beside this one; 0 works in this one.
        progress: show a progress bar.
        counterfactuals: factors on the radii of the tumors, 0.25 to 2, such as ``(0.7, 1.3)``.
        groups: a design, such as ``[{"site": "A", "lesion": "ms", "training": 16, "validation": 9, "test": 15}]``;
            ``lesion`` None: healthy people; ``severity``: factor on the number of MS lesions, 0.1 to 4;
            ``size``: factor on the radii of lesions.
        contrasts: which of t1, t1ce, t2 and flair are written and listed, in this order.
        twin: write and list the healthy twins.
        scanners: site -> changed attributes of its `Site`, such as ``{"B": {"gamma": 0.6, "noise": 0.1}}``.

    Returns:
        Path of ``root/datalist.json``.

    Raises:
        DataError: an argument is out of range, the template is missing, or ``root`` holds something else.
    """
    root = Path(root)
    contrasts = list(contrasts)
    if not contrasts or len(set(contrasts)) < len(contrasts) or not set(contrasts) <= set(CONTRASTS):
        raise DataError(f"phantom contrasts: expected some of {', '.join(CONTRASTS)}, found {contrasts}")
    if counterfactuals and not (contrasts == list(CONTRASTS) and twin):
        raise DataError("phantom counterfactuals: expected all contrasts and the twin, found some of them")
    parameters: dict[str, Any]
    if groups is None:
        plan = plan_subjects(subjects, seed, lesions, healthy_fraction, sites, split)
        parameters = {
            "version": VERSION, "subjects": subjects, "seed": seed, "spacing": float(spacing), "lesions": list(lesions),
            "healthy_fraction": healthy_fraction, "sites": list(sites), "split": list(split),
        }  # fmt: skip
    else:
        plan = plan_groups(groups, seed)
        design = [dict(group) for group in groups]
        parameters = {"version": VERSION, "seed": seed, "spacing": float(spacing), "groups": design}
    written: dict[str, Any] = {} if contrasts == list(CONTRASTS) else {"contrasts": contrasts}
    written |= {} if twin else {"twin": False}
    changed_sites = {name: change_site(name, changes) for name, changes in (scanners or {}).items()}
    if counterfactuals and changed_sites:
        raise DataError("phantom counterfactuals: expected the usual scanners, found changed ones")
    changes = {"scanners": {name: dict(change) for name, change in scanners.items()}} if scanners else {}
    parameters |= written | changes  # only what is not the default: older folders stay what they are
    claim_folder(root, _MANIFEST, parameters, _NAME)
    sizes = claim_sizes(root, counterfactuals, plan)
    todo = [p for p in plan if not is_complete(root / p.name, subject_files(p.lesion, **written))]
    changed = [p for p in plan if sizes and has_counterfactuals(p)]
    redo = [p for p in changed if not is_complete(counterfactual_folder(root, p), counterfactual_files(sizes))]
    if todo or redo:
        load_template(spacing)  # before the workers start: one clear error, and forked workers inherit the maps
        make = partial(_make, root, spacing, written, changed_sites)
        for _ in run_jobs(make, todo, workers, _NAME, "subject", progress and bool(todo)):
            pass
        job = partial(write_counterfactuals, root, spacing, sizes)
        for _ in run_jobs(job, redo, workers, "counterfactuals", "subject", progress and bool(redo)):
            pass
    with atomic_write(root / _DATALIST) as f:
        json.dump(_datalist(plan, parameters, written) | _section(changed, sizes), f, indent=1)
    return root / _DATALIST


def _make(root: Path, spacing: float, written: dict[str, Any], scanners: Mapping[str, Site], person: Person) -> None:
    scanner = scanners.get(person.site)
    subject = make_subject(
        person.seed, person.site, person.lesion, spacing, size=person.size, severity=person.severity, scanner=scanner
    )
    write_subject(root / person.name, subject, **written)


def _section(people: list[Person], sizes: Sequence[float]) -> dict[str, Any]:
    return {"counterfactual": [pair for p in people for pair in list_pairs(sizes, p)]} if people else {}


def _datalist(plan: list[Person], parameters: dict[str, Any], written: dict[str, Any]) -> dict[str, Any]:
    lists: dict[str, list[dict[str, Any]]] = {s: [] for s in SPLITS}
    for p in plan:
        paths = {role: [f"{p.name}/{n}" for n in names] for role, names in subject_files(p.lesion, **written).items()}
        lists[p.split].append({
            "image": paths["image"],
            "mask": paths["mask"][0],
            **({"twin": paths["twin"]} if "twin" in paths else {}),
            "label": int(p.lesion is not None),
            "subject": p.name,
            "site": p.site,
            "lesion": p.lesion or "healthy",
        })  # fmt: skip
    return {
        "description": "Brain phantom from the MNI152 tissue maps, generated; not for claims on patients.",
        "name": _NAME,
        "modalities": parameters.get("contrasts", list(CONTRASTS)),
        "seed": parameters["seed"],
        "parameters": parameters,
        **lists,
    }
