# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ...utils import atomic_write
from ..generated import claim_folder, run_jobs
from .contrast import CONTRASTS
from .files import is_complete, subject_files, write_subject
from .plan import SPLITS, Person, plan_subjects
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
) -> Path:
    """Write brain phantom subjects as NIfTI with a datalist split by subject, or reuse what is there.

    ``root/sub-0001/`` holds ``t1, t1ce, t2, flair, seg`` and, for diseased subjects, the healthy twin
    ``t1_twin, ...`` (all ``.nii.gz``). An entry of the datalist has ``image``, ``mask``, ``twin`` (of a healthy
    subject: its own images), ``label`` (0 healthy, 1 diseased), ``subject``, ``site`` and ``lesion``. A
    second call makes only the subjects with missing or damaged files, so an interrupted one is resumed where it
    stopped.

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

    Returns:
        Path of ``root/datalist.json``.

    Raises:
        DataError: an argument is out of range, the template is missing, or ``root`` holds something else.
    """
    root = Path(root)
    plan = plan_subjects(subjects, seed, lesions, healthy_fraction, sites, split)
    parameters = {
        "version": VERSION, "subjects": subjects, "seed": seed, "spacing": float(spacing), "lesions": list(lesions),
        "healthy_fraction": healthy_fraction, "sites": list(sites), "split": list(split),
    }  # fmt: skip
    claim_folder(root, _MANIFEST, parameters, _NAME)
    todo = [p for p in plan if not is_complete(root / p.name, p.lesion)]
    if todo:
        load_template(spacing)  # before the workers start: one clear error, and forked workers inherit the maps
        for _ in run_jobs(partial(_make, root, spacing), todo, workers, _NAME, "subject", progress):
            pass
    with atomic_write(root / _DATALIST) as f:
        json.dump(_datalist(plan, parameters), f, indent=1)
    return root / _DATALIST


def _make(root: Path, spacing: float, person: Person) -> None:
    write_subject(root / person.name, make_subject(person.seed, person.site, person.lesion, spacing))


def _datalist(plan: list[Person], parameters: dict[str, Any]) -> dict[str, Any]:
    lists: dict[str, list[dict[str, Any]]] = {s: [] for s in SPLITS}
    for p in plan:
        paths = {role: [f"{p.name}/{n}" for n in names] for role, names in subject_files(p.lesion).items()}
        lists[p.split].append({
            "image": paths["image"],
            "mask": paths["mask"][0],
            "twin": paths["twin"],
            "label": int(p.lesion is not None),
            "subject": p.name,
            "site": p.site,
            "lesion": p.lesion or "healthy",
        })  # fmt: skip
    return {
        "description": "Brain phantom from the MNI152 tissue maps, generated; not for claims on patients.",
        "name": _NAME,
        "modalities": list(CONTRASTS),
        "seed": parameters["seed"],
        "parameters": parameters,
        **lists,
    }
