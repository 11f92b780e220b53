# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""What all generated data share: a folder that knows its parameters, and jobs in processes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, TypeVar

from monai.utils import optional_import
from tqdm import tqdm

from ..utils import DataError, atomic_write

__all__ = ["claim_folder", "run_jobs"]

Item = TypeVar("Item")
Result = TypeVar("Result")


def claim_folder(root: Path, manifest: str, parameters: dict[str, Any], what: str) -> None:
    """Write the parameters into an empty folder, or make sure that they are those it was made with.

    Args:
        root: the folder, made if missing.
        manifest: name of the file of parameters in it.
        parameters: what JSON gives back unchanged.
        what: what is generated, for the messages, e.g. ``"brain phantom"``.

    Raises:
        DataError: the folder holds something else, or the same with other parameters.
    """
    path = root / manifest
    if not path.exists():
        if root.is_dir() and any(not p.name.startswith(".") for p in root.iterdir()):
            raise DataError(f"{root}: expected a new folder or one with {manifest}, found other files")
        with atomic_write(path) as f:
            json.dump(parameters, f, indent=1)
        return
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as e:
        raise DataError(f"{path}: expected the parameters of a {what} as JSON, found {e}") from e
    if found != parameters:
        differ = _differences(found if isinstance(found, dict) else {}, parameters)
        raise DataError(f"{root} holds another {what}: {differ}. Choose another folder or delete this one")


def run_jobs(
    job: Callable[[Item], Result],
    items: Sequence[Item],
    workers: int,
    what: str,
    unit: str,
    progress: bool = True,
    chunk: int = 4,
) -> Iterator[Result]:
    """Results of ``job`` in the order of ``items``, each computed on one thread.

    Args:
        job: a function that can be pickled when there are workers.
        items: its arguments.
        workers: processes beside this one; 0 works in this one.
        what: title of the progress bar.
        unit: what one item is.
        progress: show the bar.
        chunk: items that a process takes at a time.
    """
    jobs = _in_workers(job, items, workers, chunk) if workers > 0 else _here(job, items)
    yield from tqdm(jobs, total=len(items), desc=what, unit=unit, disable=not progress)


def _here(job: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    with _one_thread():
        yield from map(job, items)


def _in_workers(job: Callable[[Item], Result], items: Sequence[Item], workers: int, chunk: int) -> Iterator[Result]:
    with ProcessPoolExecutor(workers, initializer=_one_thread) as pool:
        yield from pool.map(job, items, chunksize=chunk)


def _one_thread() -> AbstractContextManager[Any]:
    """Limit this process to one thread, until the end of the context where there is one.

    Processes with several threads each get in each other's way, and a sum's last bit depends on their number.
    """
    threadpool_limits, available = optional_import("threadpoolctl", name="threadpool_limits")
    return threadpool_limits(1) if available else nullcontext()


def _differences(found: dict[str, Any], asked: dict[str, Any]) -> str:
    keys: Iterable[str] = dict.fromkeys([*asked, *found])
    return "; ".join(f"{k} is {found.get(k)}, asked {asked.get(k)}" for k in keys if found.get(k) != asked.get(k))
