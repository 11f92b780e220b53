# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""The same person and scan with another tumor: the right answer for a method that changes a tumor."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...utils import DataError, atomic_write, read_json
from .contrast import CONTRASTS
from .files import intensity_steps, nifti_bytes, subject_files, write_files
from .plan import Person
from .subject import make_subject

__all__ = [
    "claim_sizes",
    "counterfactual_files",
    "counterfactual_folder",
    "has_counterfactuals",
    "list_pairs",
    "write_counterfactuals",
]

_MANIFEST = "counterfactual.json"
_HEALTHY, _OWN, _ELSEWHERE = "healthy", "own", "elsewhere"


def claim_sizes(root: Path, sizes: Sequence[float], people: Sequence[Person]) -> list[float]:
    """The sizes of the tumors that a folder is to hold: those asked for, or those it was made with before.

    They are no parameters of the phantom: its other files do not depend on them, so that they may be added to a folder.

    Args:
        root: folder of the phantom.
        sizes: factors on the radii; empty: what is there stays.
        people: the plan.

    Raises:
        DataError: a factor is none, the folder has other ones, or nobody in the test has a tumor.
    """
    path, sizes = root / _MANIFEST, [float(size) for size in sizes]
    found = read_json(path).get("sizes") if path.is_file() else None
    if not sizes:
        return found or []
    if found not in (None, sizes):
        raise DataError(
            f"{path}: expected tumors of the sizes {sizes}, found {found}; delete it and the folders "
            "counterfactual in those of the subjects, or choose another folder"
        )
    if len(set(sizes)) < len(sizes) or not all(0.25 <= size <= 2 and size != 1 for size in sizes):
        raise DataError(f"phantom counterfactuals: expected different factors from 0.25 to 2 but 1, found {sizes}")
    if not any(has_counterfactuals(person) for person in people):
        raise DataError("phantom counterfactuals: expected someone with a tumour in the test section, found nobody")
    if found is None:
        with atomic_write(path) as f:
            json.dump({"sizes": sizes}, f)
    return sizes


def has_counterfactuals(person: Person) -> bool:
    return person.split == "test" and person.lesion == "tumour"


def counterfactual_folder(root: Path, person: Person) -> Path:
    return root / person.name / "counterfactual"


def counterfactual_files(sizes: Sequence[float]) -> dict[str, list[str]]:
    """Files in the folder of a person's counterfactuals, by state: four images and the mask; of the healthy twin the
    mask only."""
    states = [*map(_size_name, sizes), _ELSEWHERE]
    files = {state: [f"{name}_{state}.nii.gz" for name in (*CONTRASTS, "seg")] for state in states}
    return {_HEALTHY: [f"seg_{_HEALTHY}.nii.gz"], **files}


def write_counterfactuals(root: Path, spacing: float, sizes: Sequence[float], person: Person) -> None:
    """Write a person with tumors of other sizes and with the tumor at another place, with a receipt."""
    own = make_subject(person.seed, person.site, person.lesion, spacing)
    steps, names = intensity_steps(own), counterfactual_files(sizes)
    files = {names[_HEALTHY][0]: nifti_bytes(np.zeros_like(own.label), own.affine)}
    changes: dict[str, dict[str, Any]] = {_size_name(size): {"size": size} for size in sizes}
    for state, change in {**changes, _ELSEWHERE: {"elsewhere": True}}.items():
        other = make_subject(person.seed, person.site, person.lesion, spacing, **change)
        images = [nifti_bytes(image, own.affine, step) for image, step in zip(other.image, steps, strict=True)]
        files |= dict(zip(names[state], [*images, nifti_bytes(other.label, own.affine)], strict=True))
    write_files(counterfactual_folder(root, person), files)


def list_pairs(sizes: Sequence[float], person: Person) -> list[dict[str, Any]]:
    """Entries of the datalist: what to change in an image of the person, and the image that is right.

    ``edit`` is ``insert``, ``remove``, ``move``, ``grow`` or ``shrink``; ``pair`` is unique for the person.
    """
    here = subject_files(person.lesion)
    others = {
        state: [f"counterfactual/{name}" for name in names] for state, names in counterfactual_files(sizes).items()
    }
    states = {**others, _OWN: here["image"] + here["mask"], _HEALTHY: here["twin"] + others[_HEALTHY]}
    edits = [
        ("insert", "insert", _HEALTHY, _OWN),
        ("insert", "insert-elsewhere", _HEALTHY, _ELSEWHERE),
        ("remove", "remove", _OWN, _HEALTHY),
        ("move", "move", _OWN, _ELSEWHERE),
    ]
    for size in sizes:
        edit = "grow" if size > 1 else "shrink"
        edits.append((edit, f"{edit}-{size:g}", _OWN, _size_name(size)))
    paths = {state: [f"{person.name}/{file}" for file in files] for state, files in states.items()}
    return [
        {
            "image": paths[source][:-1],
            "mask": paths[source][-1],
            "target": paths[target][:-1],
            "target_mask": paths[target][-1],
            "twin": paths[_HEALTHY][:-1],
            "edit": edit,
            "pair": pair,
            "label": int(source != _HEALTHY),
            "subject": person.name,
            "site": person.site,
            "lesion": person.lesion,
        }
        for edit, pair, source, target in edits
    ]


def _size_name(size: float) -> str:
    return f"size-{size:g}"
