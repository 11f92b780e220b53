# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from monai.utils import optional_import
from tqdm import tqdm

from monai_anomaly.utils import DataError, atomic_write

from .contrast import CONTRASTS
from .files import is_complete, subject_files, write_subject
from .plan import SPLITS, Person, plan_subjects
from .subject import make_subject
from .template import load_template

__all__ = ["VERSION", "write_phantom"]

VERSION = 3
"""Raised whenever the same arguments give other images, so that old folders are not taken for new ones."""

_MANIFEST, _DATALIST = "phantom.json", "datalist.json"


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
    second call makes only the subjects with missing or damaged files, so an interrupted one goes on where it stopped.

    Args:
        root: folder, made if missing.
        subjects: how many people.
        seed: 0 or more; another seed is other people.
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
    _claim(root, parameters)
    todo = [p for p in plan if not is_complete(root / p.name, p.lesion)]
    if todo:
        load_template(spacing)  # before the workers start: one clear error, and forked workers inherit the maps
        jobs = _run(partial(_make, root, spacing), todo, workers)
        for _ in tqdm(jobs, total=len(todo), desc="brain phantom", unit="subject", disable=not progress):
            pass
    with atomic_write(root / _DATALIST) as f:
        json.dump(_datalist(plan, parameters), f, indent=1)
    return root / _DATALIST


def _make(root: Path, spacing: float, person: Person) -> None:
    # one thread: processes with several each get in each other's way, and a sum's last bit depends on their number
    threadpool_limits, available = optional_import("threadpoolctl", name="threadpool_limits")
    with threadpool_limits(1) if available else nullcontext():
        write_subject(root / person.name, make_subject(person.seed, person.site, person.lesion, spacing))


def _run(job: partial, todo: list[Person], workers: int) -> Iterator[None]:
    if workers <= 0:
        yield from map(job, todo)
        return
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(job, todo, chunksize=4)


def _claim(root: Path, parameters: dict[str, Any]) -> None:
    """Write the parameters into an empty ``root``, or make sure that they are those it was made with."""
    manifest = root / _MANIFEST
    if not manifest.exists():
        if root.is_dir() and any(not p.name.startswith(".") for p in root.iterdir()):
            raise DataError(f"{root}: expected a new folder or one with {_MANIFEST}, found other files")
        with atomic_write(manifest) as f:
            json.dump(parameters, f, indent=1)
        return
    try:
        found = json.loads(manifest.read_text(encoding="utf-8"))
    except ValueError as e:
        raise DataError(f"{manifest}: expected the parameters of a brain phantom as JSON, found {e}") from e
    if found != parameters:
        differ = _differences(found if isinstance(found, dict) else {}, parameters)
        raise DataError(f"{root} holds another brain phantom: {differ}. Choose another folder or delete this one")


def _differences(found: dict[str, Any], asked: dict[str, Any]) -> str:
    keys: Iterable[str] = dict.fromkeys([*asked, *found])
    return "; ".join(f"{k} is {found.get(k)}, asked {asked.get(k)}" for k in keys if found.get(k) != asked.get(k))


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
        "name": "brain phantom",
        "modalities": list(CONTRASTS),
        "seed": parameters["seed"],
        "parameters": parameters,
        **lists,
    }
