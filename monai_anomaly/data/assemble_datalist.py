# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..utils import DataError
from .datalist import SECTIONS, sample_files
from .spellings import join_spellings
from .split import split_by_subject, split_into_folds

__all__ = ["assemble_datalist"]


def assemble_datalist(
    samples: Sequence[Mapping[str, Any]],
    *,
    root: Path,
    description: str,
    modalities: Sequence[str],
    seed: int = 0,
    split: Sequence[float] = (0.8, 0.1, 0.1),
    folds: int | None = None,
    fold: int | None = None,
    stratify: Iterable[str] = ("label", "site", "view"),
    left_out: Sequence[Mapping[str, str]] = (),
    unmatched: Sequence[Path] = (),
    cases: Sequence[str] | None = None,
    notes: Sequence[str] = (),
    divide: Callable[[Sequence[Mapping[str, Any]]], Sequence[list[dict[str, Any]]]] | None = None,
) -> dict[str, Any]:
    """Split samples by patient and put them into a datalist.

    Args:
        samples: samples of all sections; ``subject`` says which belong to one patient, however it is written, see
            :func:`monai_anomaly.data.spellings.join_spellings`.
        root: folder or file the samples come from; its name becomes the name of the data set.
        description: one sentence.
        modalities: names of the channels, in order.
        seed: of the split.
        split: shares of training, validation and test.
        folds: number of folds of a cross-validation, of which the test section is one; None: a split by shares.
        fold: which of them is tested, from 0 on; the rest is split by the shares of training and validation.
        stratify: keys whose values are spread evenly over the sections.
        left_out: cases that cannot be used, as ``{"case": ..., "reason": ...}``.
        unmatched: images below ``root`` whose content is not known.
        cases: where each sample comes from, for messages; None: the image.
        notes: what was assumed, for the user to see.
        divide: puts the samples into the sections, in place of the random split.

    Raises:
        DataError: when no sample is left; the message gives the first reasons. When an image is listed twice, with two
            labels, patients, sections or masks.
    """
    if isinstance(split, Sequence) and len(split) > len(SECTIONS):
        raise DataError(f"split: expected a share for each of {', '.join(SECTIONS)}, found {len(split)}")
    samples, told = join_spellings(samples)
    samples, left_out = _each_once(samples, cases or [str(sample["image"]) for sample in samples], left_out)
    if not samples:
        reasons = "; ".join(
            [f"{entry['case']}: {entry['reason']}" for entry in left_out[:3]]
            + [f"{path.relative_to(root)}: nothing known by its name" for path in unmatched[:3]]
        )
        raise DataError(f"{root}: expected {description}, found no usable case{f' ({reasons})' if reasons else ''}")
    random: dict[str, Any] = {}
    if (folds is None) != (fold is None):
        raise DataError(f"folds: expected --folds and --fold together, found folds {folds} and fold {fold}")
    if divide is not None:
        if folds is not None:
            raise DataError("folds: expected no folds where the data name the sections, found both")
        parts = divide(samples)
    elif folds is not None and fold is not None:
        random = {"seed": seed, "split": list(split)[:2], "folds": folds, "fold": fold}
        parts = split_into_folds(samples, folds, fold, split, seed=seed, stratify=stratify)
    else:
        random = {"seed": seed, "split": list(split)}
        parts = split_by_subject(samples, split, seed=seed, stratify=stratify)
    notes = [*notes, *told]
    return {
        "description": description,
        "name": root.name,
        "modalities": list(modalities),
        **random,
        **dict(zip(SECTIONS, parts, strict=False)),
        "left_out": [dict(entry) for entry in left_out],
        **({"unmatched": [path.relative_to(root).as_posix() for path in unmatched]} if unmatched else {}),
        **({"notes": list(notes)} if notes else {}),
    }


def _each_once(
    samples: Sequence[Mapping[str, Any]], cases: Sequence[str], left_out: Sequence[Mapping[str, str]]
) -> tuple[list[Mapping[str, Any]], list[Mapping[str, str]]]:
    """The samples whose files are there, each once; and ``left_out`` with the others added."""
    kept: dict[tuple[str, ...], tuple[Mapping[str, Any], str]] = {}
    left_out = list(left_out)
    for sample, case in zip(samples, cases, strict=True):
        if gone := [file for file in sample_files(sample) if not os.path.exists(file)]:
            reason = f"expected a file, found a link that leads nowhere: {', '.join(gone)}"
            left_out.append({"case": case, "reason": reason})
            continue
        key = _real(sample["image"])
        first, where = kept.setdefault(key, (sample, case))
        if first is sample:
            continue
        twice = f"{case}: expected each image once, found {sample['image']} also in {where}, with the"
        for entry in ("label", "subject", "section"):
            if first.get(entry) != sample.get(entry):
                raise DataError(f"{twice} {entry} {first.get(entry)!r} there and {sample.get(entry)!r} here")
        masks = [_real(s.get("mask") or ()) for s in (first, sample)]
        if all(masks) and masks[0] != masks[1]:
            raise DataError(
                f"{twice} mask {first['mask']} there and {sample['mask']} here; one mask must hold all lesions of it"
            )
        if masks[1] and not masks[0]:
            kept[key], case, where = (sample, case), where, case
        left_out.append({"case": case, "reason": f"the same image as {where}"})
    return [sample for sample, _ in kept.values()], left_out


def _real(files: str | Sequence[str]) -> tuple[str, ...]:
    return tuple(os.path.realpath(file) for file in ([files] if isinstance(files, str) else files))
