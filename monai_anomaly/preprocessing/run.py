# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from ..data.inputs import PROBLEM
from ..utils import DataError, OutputError, atomic_write, check_writable, describe, latest_failures, shard_ending
from .brain_mr import BrainMRPreprocessing
from .case_files import REPORT, case_key, is_done, write_case
from .index_page import write_index_page

__all__ = ["preprocess_samples"]

_Outcome = tuple[str, str, str]


def preprocess_samples(
    samples: Sequence[Mapping[str, Any]],
    out: str | os.PathLike,
    workers: int = 0,
    progress: bool = True,
    shard: str | None = None,
    **settings: Any,
) -> dict[str, Any]:
    """Preprocess the scans of many people; what is done already is skipped, what fails does not end the work.

    Args:
        samples: ``subject`` (a name no other sample has) and ``image`` (one path per modality, in order), perhaps
            ``mask``, as `find_inputs` returns them.
        out: folder; each case gets one in it, and there is an ``index.html`` to look through.
        workers: processes beside this one; 0 works in this one.
        progress: show a progress bar.
        shard: of a larger work that these samples are, for the name of the list of failures, see `in_shard`.
        settings: of `BrainMRPreprocessing`.

    Returns:
        ``done`` and ``skipped`` (names), ``failed`` (``case`` and ``reason``).

    Raises:
        DataError: when a setting is wrong.
        OutputError: when nothing can be written to the folder, or nothing any more.
    """
    out = Path(out)
    check_writable(out)
    try:
        BrainMRPreprocessing(**settings)
    except (TypeError, ValueError) as error:
        raise DataError(f"preprocessing: {error}") from error
    result: dict[str, Any] = {"done": [], "skipped": [], "failed": []}
    work = partial(_one, out=out, settings=settings)
    for name, state, reason in tqdm(_each(work, samples, workers), total=len(samples), disable=not progress):
        if state == "failed":
            result["failed"].append({"case": name, "reason": reason})
            tqdm.write(f"failed {name}: {reason}")
        else:
            result[state].append(name)
            if reason:
                tqdm.write(f"{name}: {reason}")
    with atomic_write(out / f"failed{shard_ending(shard)}.json") as f:
        json.dump(result["failed"], f, indent=2)
    write_index_page(out, latest_failures(out, "failed*.json", REPORT))
    return result


def _each(
    work: Callable[[Mapping[str, Any]], _Outcome], samples: Sequence[Mapping[str, Any]], workers: int
) -> Iterator[_Outcome]:
    if workers <= 0:
        yield from map(work, samples)
        return
    waiting = list(samples)
    while waiting:
        broken = []
        for sample, outcome in _in_pool(work, waiting, workers):
            if outcome is None:
                broken.append(sample)
            else:
                yield outcome
        if broken and workers == 1:  # it was alone
            yield str(broken.pop(0)["subject"]), "failed", "its worker was killed, perhaps for want of memory"
        waiting, workers = broken, max(1, workers // 2)  # fewer have more memory each


def _in_pool(
    work: Callable[[Mapping[str, Any]], _Outcome], samples: Sequence[Mapping[str, Any]], workers: int
) -> Iterator[tuple[Mapping[str, Any], _Outcome | None]]:
    """Samples with their outcome, or None of all that were not done when a worker was killed."""
    pool = _pool(workers)
    futures: list[Future[_Outcome]] = []
    try:
        with suppress(BrokenProcessPool):  # as soon as it is broken it takes no more
            for sample in samples:
                futures.append(pool.submit(work, sample))
        for sample, future in zip_longest(samples, futures):
            outcome = None
            with suppress(BrokenProcessPool):
                outcome = None if future is None else future.result()
            yield sample, outcome
    finally:
        pool.shutdown(cancel_futures=True)


def _pool(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,))


def _one(sample: Mapping[str, Any], out: Path, settings: Mapping[str, Any]) -> _Outcome:
    """Name, ``done``, ``skipped`` or ``failed``, and the reason of a failure or the warnings."""
    name = str(sample["subject"])
    try:
        if sample.get(PROBLEM):
            raise DataError(sample[PROBLEM])
        pipeline = BrainMRPreprocessing(**settings)
        mask = sample.get("mask")
        files = pipeline.inputs(sample["image"], mask)
        key = case_key(files, pipeline.settings)
        if is_done(out / name, key):
            return name, "skipped", ""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UserWarning)
            scan = pipeline(files, mask)
        scan.report["warnings"] = list(dict.fromkeys(str(w.message) for w in caught if w.category is UserWarning))
        write_case(out / name, scan, key, files, pipeline.template)
    except Exception as error:  # one case must not end the work on the others, whatever is wrong with it
        if isinstance(error, OutputError) and error.is_final:
            raise
        return name, "failed", describe(error)
    return name, "done", "; ".join(scan.report["warnings"])
