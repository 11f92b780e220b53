# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..utils import DataError
from .phantom import write_phantom

__all__ = ["find_datalist"]

NAME = "datalist.json"


def find_datalist(dataset_dir: str | os.PathLike, phantom: Mapping[str, Any] | None = None) -> Path:
    """The datalist of a data folder; where the folder is missing or holds a phantom, the phantom is written or
    completed.

    Args:
        dataset_dir: a folder with ``datalist.json``, or one to write the built-in phantom to.
        phantom: arguments of `write_phantom`; None: only data that is there already will do.

    Raises:
        DataError: when the folder is there but has no datalist, or is missing and no phantom is wanted.
    """
    folder = Path(dataset_dir).expanduser()
    ours = not folder.exists() or (folder / "phantom.json").exists()
    if phantom is not None and ours:
        return write_phantom(folder, **phantom)
    if (folder / NAME).is_file():
        return folder / NAME
    raise DataError(
        f"{folder}: expected a folder with {NAME}, found {_found(folder)}; "
        f"`python -m monai_anomaly datalist KIND {folder} {folder / NAME}` writes one"
    )


def _found(path: Path) -> str:
    if not path.is_dir():
        return "a file" if path.exists() else "no such folder"
    return ", ".join(sorted(p.name for p in path.iterdir())[:5]) or "an empty folder"
