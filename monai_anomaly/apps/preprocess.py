# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from ..data import is_mask_beside
from ..data.datalist import SECTIONS, load_datalist, save_datalist
from ..data.inputs import find_inputs, name_samples
from ..data.volume_slices import IMAGE_KEYS
from ..preprocessing.run import preprocess_samples
from ..utils import DataError, files_in, in_shard, is_image, read_json, shard_ending

__all__ = ["preprocess"]


def preprocess(
    source: str | os.PathLike,
    out: str | os.PathLike,
    modalities: Sequence[str] | str = ("t1",),
    workers: int = 0,
    shard: str | None = None,
    **settings: Any,
) -> None:
    """Bring raw brain MR to model space: brain mask, bias field, co-registration, MNI152 at 1 mm; see the how-to.

    Finished cases are skipped, so an interrupted run can be resumed. A case that fails is listed and does not stop the
    others.

    Examples:
        monai-anomaly preprocess scan.nii.gz out
        monai-anomaly preprocess raw out --modalities t1,t1ce,t2,flair --workers 4

    Args:
        source: a scan, a folder of scans or of cases, a folder with a DICOM series, or a datalist.
        out: folder for the results; of a datalist also a new one, with the same split.
        modalities: names of the scans of a person, in order; the first is the reference unless ``--reference``
            names one.
        workers: processes beside this one.
        shard: "2/3": of all cases every third, from the second, for this machine. Of a datalist run once more without
            it, when all are done: then the new datalist is written.
        settings: of `BrainMRPreprocessing`, e.g. ``--steps``, ``--extraction``, ``--spatial_size``, ``--axcodes``.

    Raises:
        DataError: nothing to preprocess was found, or everything failed.
    """
    names = [modalities] if isinstance(modalities, str) else list(modalities)
    source, out = Path(source).expanduser(), Path(os.path.abspath(Path(out).expanduser()))
    listed = _read_sections(source, names) if source.suffix.lower() == ".json" else {}
    samples = [s for section in listed.values() for s in section] if listed else _inputs(source, out, names)
    cases = name_samples(samples)
    result = preprocess_samples(in_shard(cases, shard), out, workers, modalities=names, shard=shard, **settings)
    finished = {*result["done"], *result["skipped"]}
    if listed and shard is None:
        both = iter(list(zip(samples, cases, strict=True)))
        done = {
            k: [_moved(s, out / c["subject"], names) for s, c in islice(both, len(v)) if c["subject"] in finished]
            for k, v in listed.items()
        }
        kept = {k: v for k, v in read_json(source, "a datalist").items() if k in ("description", "target")}
        save_datalist(out / "datalist.json", {**kept, "modalities": names, **done, "left_out": result["failed"]})
    print(f"{len(result['done'])} done, {len(result['skipped'])} were done before, {len(result['failed'])} failed")
    print(f"look through {out / 'index.html'}")
    if result["failed"]:
        print(f"failed: {out / f'failed{shard_ending(shard)}.json'}", file=sys.stderr)
    if not finished and result["failed"]:
        raise DataError(
            f"{source}: expected a scan that can be preprocessed, found none: {result['failed'][0]['reason']}"
        )


def _read_sections(path: Path, modalities: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """Samples by section of a datalist, of those it has."""
    content = read_json(path, "a datalist")
    found = [k for k in SECTIONS if content.get(k)] if isinstance(content, dict) else []
    # of another file load_datalist says what is wrong
    return {k: load_datalist(path, k, modalities, check_files=False) for k in found or ["test"]}


def _inputs(source: Path, out: Path, modalities: Sequence[str]) -> list[dict[str, Any]]:
    """The cases in a folder, without the masks that lie beside scans and without earlier results."""
    if source.is_dir() and any(is_image(p, (".dcm",)) for p in files_in(source)):
        return [{"image": str(source), "subject": source.resolve().name}]

    made = out.resolve()

    def skip(path: Path) -> bool:
        return is_mask_beside(path) or path.resolve().is_relative_to(made)

    return find_inputs(source, modalities, skip=skip)


def _moved(sample: dict[str, Any], folder: Path, modalities: Sequence[str]) -> dict[str, Any]:
    """The entry of a datalist with the new files."""
    kept = {k: v for k, v in sample.items() if k not in IMAGE_KEYS}
    moved = {**kept, "image": [str(folder / f"{m}.nii.gz") for m in modalities]}
    return {**moved, "mask": str(folder / "mask.nii.gz")} if sample.get("mask") else moved
