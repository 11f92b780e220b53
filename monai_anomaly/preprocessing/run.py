# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from ..data.inputs import PROBLEM
from ..utils import DataError, atomic_write
from .brain_mr import BrainMRPreprocessing
from .case_files import case_key, is_done, write_case
from .index_page import write_index_page

__all__ = ["preprocess_samples"]


def preprocess_samples(
    samples: Sequence[Mapping[str, Any]],
    out: str | os.PathLike,
    workers: int = 0,
    progress: bool = True,
    **settings: Any,
) -> dict[str, Any]:
    """Preprocess the scans of many people; what is done already is skipped, what fails does not end the work.

    Args:
        samples: ``subject`` and ``image`` (one path a modality, in order), perhaps ``mask``, as `find_inputs` returns
            them.
        out: folder; each case gets one in it, and there is an ``index.html`` to look through.
        workers: processes beside this one; 0 works in this one.
        progress: show a progress bar.
        settings: of `BrainMRPreprocessing`.

    Returns:
        ``done`` and ``skipped`` (names), ``failed`` (``case`` and ``reason``).
    """
    out = Path(out)
    result: dict[str, Any] = {"done": [], "skipped": [], "failed": []}
    work = partial(_one, out=out, settings=settings)
    for name, state, reason in tqdm(_each(work, samples, workers), total=len(samples), disable=not progress):
        if state == "failed":
            result["failed"].append({"case": name, "reason": reason})
            tqdm.write(f"failed {name}: {reason}")
        else:
            result[state].append(name)
    with atomic_write(out / "failed.json") as f:
        json.dump(result["failed"], f, indent=2)
    write_index_page(out, sorted([*result["done"], *result["skipped"]]), result["failed"])
    return result


def _each(work: Any, samples: Sequence[Mapping[str, Any]], workers: int) -> Iterator[tuple[str, str, str]]:
    if workers <= 0:
        yield from map(work, samples)
        return
    with ProcessPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        yield from pool.map(work, samples)


def _one(sample: Mapping[str, Any], out: Path, settings: Mapping[str, Any]) -> tuple[str, str, str]:
    """Name, ``done``, ``skipped`` or ``failed``, and the reason of a failure."""
    name = str(sample["subject"])
    try:
        if sample.get(PROBLEM):
            raise DataError(sample[PROBLEM])
        pipeline = BrainMRPreprocessing(**settings)
        images = [sample["image"]] if isinstance(sample["image"], str) else sample["image"]
        files = dict(zip(pipeline.modalities, images, strict=True))
        mask = sample.get("mask")
        used = files | ({"mask": mask} if mask else {})
        for path in used.values():
            if not Path(path).exists():
                raise DataError(f"{path}: expected a scan, found nothing")
        key = case_key(used, pipeline.settings)
        if is_done(out / name, key):
            return name, "skipped", ""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they are in the report and on the page
            write_case(out / name, pipeline(files, mask), key, used, pipeline.template)
    except DataError as error:
        return name, "failed", str(error)
    return name, "done", ""
