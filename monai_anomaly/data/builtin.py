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


def find_datalist(
    dataset_dir: str | os.PathLike, phantom: Mapping[str, Any] | None = None, make_phantom: bool = True
) -> Path:
    """The datalist of a data folder; the built-in phantom is written where it is asked for.

    Args:
        dataset_dir: a folder with ``datalist.json``, or one to write the built-in phantom to.
        phantom: arguments of `write_phantom`; None: only data that is there already will do.
        make_phantom: whether a missing folder gets a phantom, and one that holds a phantom is compared with the
            arguments. Without it only a phantom that was begun is completed, so that a folder whose name was mistyped
            stays an error.

    Raises:
        DataError: when the folder has no datalist and no phantom is wanted there, or holds another phantom.
    """
    folder = Path(dataset_dir).expanduser()
    listed, begun = (folder / NAME).is_file(), (folder / "phantom.json").exists()
    if phantom is not None and ((make_phantom and (begun or not folder.exists())) or (begun and not listed)):
        return write_phantom(folder, **phantom)
    if listed:
        return folder / NAME
    raise DataError(
        f"{folder}: expected a folder with {NAME}, found {_found(folder)}; "
        f"`python -m monai_anomaly datalist KIND {folder} {folder / NAME}` lists data of your own, "
        f"`python -m monai_anomaly phantom {folder}` makes the built-in phantom"
    )


def _found(path: Path) -> str:
    if not path.is_dir():
        return "a file" if path.exists() else "no such folder"
    return ", ".join(sorted(p.name for p in path.iterdir())[:5]) or "an empty folder"
