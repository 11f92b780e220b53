# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from ..data.datalist import SECTIONS, load_datalist, save_datalist
from ..data.inputs import find_inputs
from ..preprocessing.run import preprocess_samples
from ..utils import DataError

__all__ = ["preprocess"]


def preprocess(
    source: str | os.PathLike,
    out: str | os.PathLike,
    modalities: Sequence[str] | str = ("t1",),
    workers: int = 0,
    **settings: Any,
) -> None:
    """Bring raw brain MR to model space: brain mask, bias field, co-registration, MNI152 at 1 mm; see the how-to.

    What is done is skipped, so an interrupted run goes on; what fails is listed, and the rest goes on.

    Args:
        source: a scan, a folder of scans or of cases, a folder with a DICOM series, or a datalist.
        out: folder for the results; of a datalist also a new one, with the same split.
        modalities: names of the scans of a person, in order; the first is the reference unless ``--reference``
            names one.
        workers: processes beside this one.
        settings: of `BrainMRPreprocessing`, e.g. ``--steps``, ``--extraction``, ``--spatial_size``, ``--axcodes``.

    Raises:
        DataError: nothing to preprocess was found, or everything failed.
    """
    names = [modalities] if isinstance(modalities, str) else list(modalities)
    source, out = Path(source), Path(out)
    listed = _read_sections(source, names) if source.suffix == ".json" else {}
    samples = [s for section in listed.values() for s in section] if listed else _inputs(source, names)
    cases = [
        {**s, "subject": name} for s, name in zip(samples, _unique(str(s["subject"]) for s in samples), strict=True)
    ]
    result = preprocess_samples(cases, out, workers=workers, modalities=names, **settings)
    finished = {*result["done"], *result["skipped"]}
    if listed:
        moved = iter([_moved(s, out / c["subject"], names) for s, c in zip(samples, cases, strict=True)])
        done = {
            k: [m for m in islice(moved, len(v)) if Path(m["image"][0]).parent.name in finished]
            for k, v in listed.items()
        }
        save_datalist(out / "datalist.json", {"modalities": names, **done, "left_out": result["failed"]})
    print(f"{len(result['done'])} done, {len(result['skipped'])} were done before, {len(result['failed'])} failed")
    print(f"look through {out / 'index.html'}")
    if result["failed"]:
        print(f"failed: {out / 'failed.json'}", file=sys.stderr)
    if not finished:
        raise DataError(
            f"{source}: expected a scan that can be preprocessed, found none: {result['failed'][0]['reason']}"
        )


def _read_sections(path: Path, modalities: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """Samples by section of a datalist, of those it has."""
    try:
        found = [k for k in SECTIONS if json.loads(path.read_text(encoding="utf-8")).get(k)]
    except (OSError, ValueError, AttributeError):
        found = ["test"]  # load_datalist says what is wrong
    return {k: load_datalist(path, k, modalities, check_files=False) for k in found or ["test"]}


def _inputs(source: Path, modalities: Sequence[str]) -> list[dict[str, Any]]:
    if source.is_dir() and any(p.suffix.lower() == ".dcm" for p in source.iterdir()):
        return [{"image": str(source), "subject": source.resolve().name}]
    return find_inputs(source, modalities)


def _unique(names: Iterable[str]) -> Iterator[str]:
    """The names, with a number where one comes again: they become folders."""
    seen: Counter[str] = Counter()
    for name in names:
        seen[name] += 1
        yield name if seen[name] == 1 else f"{name}_{seen[name]}"


def _moved(sample: dict[str, Any], folder: Path, modalities: Sequence[str]) -> dict[str, Any]:
    """The entry of a datalist with the new files."""
    kept = {k: v for k, v in sample.items() if k not in ("image", "mask", "twin")}
    moved = {**kept, "image": [str(folder / f"{m}.nii.gz") for m in modalities]}
    return {**moved, "mask": str(folder / "mask.nii.gz")} if sample.get("mask") else moved
