# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from ..utils import SUFFIXES, DataError, as_path, is_image, listed, other_formats, split_suffix, walk
from .brain_mask_names import is_mask_beside
from .cases import group_cases
from .datalist import load_datalist
from .decathlon import check_channel_order
from .names import MASK, SEPARATORS, SPELLINGS, NameReader

__all__ = ["PROBLEM", "find_inputs", "name_samples"]

PROBLEM = "problem"
"""Entry of a sample that cannot be read: why. `InputDataset` leaves it out."""

# an inference reads none; MONAI's engines would write a result of the same name into the batch, not into the output
REFERENCES = ("mask", "twin", "target", "target_mask")

_WAY_OUT = "to use one, rename it, or list it in a datalist"


def find_inputs(
    path: str | os.PathLike,
    modalities: Sequence[str],
    section: str = "test",
    skip: Callable[[Path], bool] = lambda path: False,
    keep: Sequence[str] = (),
) -> list[dict[str, Any]]:
    """The samples that an inference is asked for: an image, a case's folder, a folder of cases or images, or a
    datalist.

    Args:
        path: a file with all channels (NIfTI, PNG, ...); a folder with one file per modality, named by it; a folder of
            such folders; a folder of files; or a datalist (``.json``).
        modalities: names of the channels, in order.
        section: of a datalist.
        skip: says of a file in a folder that it is no input.
        keep: references of a datalist that are wanted, e.g. ``["target_mask"]``, see `with_desired_masks`.

    Returns:
        samples with ``image`` (a path, or one per modality) and ``subject`` (a name no other sample has). A case that
        lacks modalities gets the reason under ``problem``; so do a file that belongs to no case, and a folder of images
        in formats that are not read. With a single channel every image is a sample, except masks and known other
        contrasts, which a warning names. The ``mask``, ``twin``, ``target`` and ``target_mask`` of a datalist are
        dropped, its other entries are kept. Files are not opened.

    Raises:
        DataError: when nothing is found, or no case is complete, naming what was looked for; or the only file is by its
            name another contrast than the only one that is wanted.
    """
    path = as_path(path, "dataset_dir")
    if path.is_file() and path.suffix.lower() == ".json":
        samples = load_datalist(path, section, modalities, check_files=False)
        return name_samples(
            [{k: v for k, v in sample.items() if k in keep or k not in REFERENCES} for sample in samples]
        )
    if path.is_file():
        _check_contrast(path, modalities)
        check_channel_order(path, modalities)
        return [{"image": str(path), "subject": split_suffix(path.name)[0]}]
    if not path.is_dir():
        raise DataError(f"{path}: expected an image, a folder or a datalist, found nothing")
    # an image of one channel needs no name
    samples = _cases(path, modalities, skip) if len(modalities) > 1 else []
    unread = _unread(path, skip)
    if not samples:
        files, other = _whole(path, modalities, skip)
        samples = _single(files, path)
        shown = listed(p.relative_to(path) for p in other)
        names = f"masks, other contrasts or what was made of a scan, by their names: {shown}"
        if unread and not samples:
            raise DataError(unread[0][PROBLEM])
        if not samples:
            wanted = f"images ({', '.join(SUFFIXES)}) or folders with {list(modalities)}"
            raise DataError(f"{path}: expected {wanted}, found none{f', but {names}; {_WAY_OUT}' if other else ''}")
        if other:
            warnings.warn(f"{path}: {len(other)} images left out, {names}; {_WAY_OUT}", stacklevel=2)
    return name_samples([*samples, *unread])


def _check_contrast(path: Path, modalities: Sequence[str]) -> None:
    """Of brain MR of one contrast: another one gives a result, too, which nothing shows to be wrong."""
    name, wanted = NameReader(modalities).read(path), modalities[0]
    if name is None or len(modalities) > 1 or not {name.role, wanted} <= set(SPELLINGS):
        return
    if name.role != wanted:
        raise DataError(f"{path}: expected {wanted}, found {name.role} by its name; {_WAY_OUT}")


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
        # another file may be a patient under another name
        begins = _beginnings(case.name for case in cases)
        loose = [p for p in rest if not p.name.casefold().startswith(begins)]
        unread += [p for p in loose if reader.read(p) is None and not is_mask_beside(p)]
    if samples and all(PROBLEM in sample for sample in samples):
        raise DataError("; ".join(sample[PROBLEM] for sample in samples))
    why = f"expected one of {list(modalities)} in the name, found none or several: {_WAY_OUT}"
    alone = [{**sample, PROBLEM: f"{sample['image']}: {why}"} for sample in _single(unread, root)]
    return [*samples, *alone] if samples else []


def _whole(root: Path, modalities: Sequence[str], skip: Callable[[Path], bool]) -> tuple[list[Path], list[Path]]:
    """Images that each hold all channels, and those that by their names do not: masks, another contrast, and what was
    made of a scan."""
    reader = NameReader(modalities)
    brain = any(m in SPELLINGS for m in modalities)
    files: list[Path] = []
    other: list[Path] = []
    known = False
    for _, found in walk(root):
        images = {path: reader.read(path) for path in found if is_image(path) and not skip(path)}
        stems = {split_suffix(path.name)[0].casefold() for path in images}
        wanted = [name.case for name in images.values() if name is not None and [name.role] == list(modalities)]
        begins = _beginnings(wanted if brain else [])  # only of brain MR a case has more files than this one
        known = known or bool(wanted)
        for path, name in images.items():
            if name is None:
                own = not path.name.casefold().startswith(begins)
            elif name.role == MASK and not brain:  # tumor_12 may be a photograph, p1_mask beside p1 is not
                own = name.key not in stems
            else:
                own = [name.role] == list(modalities)
            (files if own and not is_mask_beside(path) else other).append(path)
    if not known:
        check_channel_order(root, modalities)
    return files, other


def _beginnings(cases: Iterable[str]) -> tuple[str, ...]:
    """How the names of files begin that a tool made of one of the cases: ``p1_adc`` of p1, but not ``p10``."""
    return tuple(case.casefold() + sign for case in cases if case for sign in SEPARATORS)


def _unread(root: Path, skip: Callable[[Path], bool]) -> list[dict[str, Any]]:
    """A sample of each folder with images of formats that are not read, so that no patient is missed in silence."""
    samples = []
    for folder, files in walk(root):
        if reason := other_formats(path for path in files if not skip(path)):
            name = folder.resolve().name if folder == root else str(folder.relative_to(root))
            samples.append({"image": str(folder), "subject": name, PROBLEM: f"{folder}: {reason}"})
    return samples


def _single(files: Sequence[Path], root: Path) -> list[dict[str, Any]]:
    """A sample of each file, named by its stem, or by its path where several have one stem."""
    counts = Counter(split_suffix(path.name)[0] for path in files)
    stems = ((path, split_suffix(path.name)[0]) for path in files)
    return [
        {"image": str(path), "subject": stem if counts[stem] == 1 else split_suffix(str(path.relative_to(root)))[0]}
        for path, stem in stems
    ]


def name_samples(samples: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Samples with names (``subject``) that no two share and that can be names of folders; what it was before, where
    it was another one, is in ``patient``."""
    named: dict[str, dict[str, Any]] = {}
    for sample in samples:
        first = sample["image"] if isinstance(sample["image"], str) else sample["image"][0]
        base = "" if sample.get("subject") is None else str(sample["subject"])
        if not base.strip(". "):  # would be the folder of all, or the one above
            base = split_suffix(Path(first).name)[0]
        if "slice" in sample:
            base = f"{base}_{sample['slice']}"
        base = base.replace("/", "_").replace(os.sep, "_")
        name = base
        count = 1
        while name in named:
            count += 1
            name = f"{base}_{count}"
        renamed = {"patient": sample["subject"]} if sample.get("subject") not in (None, name) else {}
        named[name] = {**sample, **renamed, "subject": name}
    return list(named.values())
