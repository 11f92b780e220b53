# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..utils import SUFFIXES, DataError, as_path, image_files, is_image, split_suffix, walk
from .cases import group_cases
from .datalist import load_datalist
from .decathlon import check_channel_order
from .names import SPELLINGS, NameReader

__all__ = ["PROBLEM", "find_inputs", "name_samples"]

PROBLEM = "problem"
"""Entry of a sample that cannot be read: why. `InputDataset` leaves it out."""

# an inference reads none; MONAI's engines would write a result of the same name into the batch, not into the output
REFERENCES = ("mask", "twin")


def find_inputs(
    path: str | os.PathLike,
    modalities: Sequence[str],
    section: str = "test",
    skip: Callable[[Path], bool] = lambda path: False,
) -> list[dict[str, Any]]:
    """The samples that an inference is asked for: an image, a case's folder, a folder of cases or images, or a
    datalist.

    Args:
        path: a file with all channels (NIfTI, PNG, ...); a folder with one file a modality, named by it; a folder of
            such folders; a folder of files; or a datalist (``.json``).
        modalities: names of the channels, in order.
        section: of a datalist.
        skip: says of a file in a folder that it is no input.

    Returns:
        samples with ``image`` (a path, or one a modality) and ``subject`` (a name no other sample has). Where a
        folder of cases has one without all modalities, its sample says so under ``problem``. The ``mask`` and ``twin``
        of a datalist are dropped, its other entries are kept. Files are not opened.

    Raises:
        DataError: when nothing is found, or no case is complete, naming what was looked for.
    """
    path = as_path(path, "dataset_dir")
    if path.is_file() and path.suffix.lower() == ".json":
        listed = load_datalist(path, section, modalities, check_files=False)
        return name_samples([{k: v for k, v in sample.items() if k not in REFERENCES} for sample in listed])
    if path.is_file():
        check_channel_order(path, modalities)
        return [{"image": str(path), "subject": split_suffix(path.name)[0]}]
    if not path.is_dir():
        raise DataError(f"{path}: expected an image, a folder or a datalist, found nothing")
    samples = _cases(path, modalities, skip)
    if not samples:
        check_channel_order(path, modalities)
        samples = _single([p for p in image_files(path) if not skip(p) and not _is_other(p, modalities)], path)
    if not samples:
        raise DataError(
            f"{path}: expected images ({', '.join(SUFFIXES)}) or folders with {list(modalities)}, found none"
        )
    return name_samples(samples)


def _cases(root: Path, modalities: Sequence[str], skip: Callable[[Path], bool]) -> list[dict[str, Any]]:
    """Files that differ in the modality of their names only, like ``p_t1_080.nii.gz`` and ``p_flair_080.nii.gz``.

    Empty when no name holds a modality.
    """
    reader = NameReader(modalities)
    samples: list[dict[str, Any]] = []
    unread: list[Path] = []
    for folder, files in walk(root):
        cases, rest = group_cases([p for p in files if is_image(p) and not skip(p)], reader, modalities)
        where = folder.resolve().name if folder == root else str(folder.relative_to(root)).replace(os.sep, "_")
        for case in cases:
            known = [str(case.files[m][0]) for m in modalities if m in case.files]
            name = where if len(cases) == 1 or not case.name else f"{where}_{case.name}"
            sample: dict[str, Any] = {"image": known, "subject": name}
            if reason := case.problem(modalities):
                sample[PROBLEM] = (
                    f"{folder}: {case.name or name}: {reason}" if len(cases) > 1 else f"{folder}: {reason}"
                )
            samples.append(sample)
        # what begins like a case is what tools made of it; another file may be a patient under another name
        begins = tuple(case.name.casefold() for case in cases)
        unread += [p for p in rest if reader.read(p) is None and not p.name.casefold().startswith(begins)]
    if samples and all(PROBLEM in sample for sample in samples):
        raise DataError("; ".join(sample[PROBLEM] for sample in samples))
    why = f"expected one of {list(modalities)} in the name, found none or several"
    alone = [{**sample, PROBLEM: f"{sample['image']}: {why}"} for sample in _single(unread, root)]
    if len(modalities) == 1:
        named = _single([Path(sample["image"][0]) for sample in samples], root)
        samples = [{**sample, **name} for sample, name in zip(samples, named, strict=True)]
    return [*samples, *alone] if samples else []


def _is_other(path: Path, modalities: Sequence[str]) -> bool:
    """Whether a file is, by its name, a mask or another contrast than those of brain MR that are wanted."""
    return any(m in SPELLINGS for m in modalities) and NameReader(modalities).read(path) is not None


def _single(files: Sequence[Path], root: Path) -> list[dict[str, Any]]:
    """A sample of each file, named by its stem, or by its path where several have one stem."""
    counts = Counter(split_suffix(path.name)[0] for path in files)
    stems = ((path, split_suffix(path.name)[0]) for path in files)
    return [
        {"image": str(path), "subject": stem if counts[stem] == 1 else split_suffix(str(path.relative_to(root)))[0]}
        for path, stem in stems
    ]


def name_samples(samples: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Samples with names (``subject``) that no two share and that can be names of folders."""
    named: dict[str, dict[str, Any]] = {}
    for sample in samples:
        first = sample["image"] if isinstance(sample["image"], str) else sample["image"][0]
        base = str(sample.get("subject", split_suffix(Path(first).name)[0]))
        if "slice" in sample:
            base = f"{base}_{sample['slice']}"
        base = base.replace("/", "_").replace(os.sep, "_")
        name = base
        count = 1
        while name in named:
            count += 1
            name = f"{base}_{count}"
        named[name] = {**sample, "subject": name}
    return list(named.values())
