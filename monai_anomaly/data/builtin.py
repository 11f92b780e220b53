# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from monai.utils import look_up_option

from ..utils import DataError, as_path
from .chest import write_chest
from .chest.dataset import SET as CHEST
from .ellipses import write_ellipses
from .ellipses.dataset import SET as ELLIPSES
from .phantom import write_phantom

__all__ = ["find_datalist"]

NAME = "datalist.json"

_KINDS = {
    "brain": ("phantom.json", "phantom", "phantom"),
    "ellipses": (ELLIPSES.manifest, "ellipses", ELLIPSES.what),
    "chest": (CHEST.manifest, "chest", CHEST.what),
}
"""Of each kind: the file that says the data were begun, the command that makes them, and their name."""


def find_datalist(
    dataset_dir: str | os.PathLike,
    phantom: Mapping[str, Any] | None = None,
    make_phantom: bool = True,
    phantom_dir: str | os.PathLike | None = None,
) -> Path:
    """The datalist of a data folder; built-in data are written where they are asked for.

    Args:
        dataset_dir: a folder with ``datalist.json``, or one to write the built-in data to.
        phantom: ``kind`` (``"brain"``, by default, ``"ellipses"`` or ``"chest"``) and the arguments of
            `write_phantom`, `write_ellipses` or `write_chest`; None: only data that is there already will do.
        make_phantom: whether a missing folder gets a phantom, and one that holds a phantom is compared with the
            arguments. Without it only a phantom that was begun is completed, so that a folder whose name was mistyped
            stays an error.
        phantom_dir: the folder that gets a phantom in any case.

    Raises:
        DataError: when the folder has no datalist and no phantom is wanted there, holds another phantom, or one of the
            folders is no path.
    """
    folder = as_path(dataset_dir, "dataset_dir")
    if phantom_dir is not None:
        make_phantom = make_phantom or os.path.abspath(folder) == os.path.abspath(as_path(phantom_dir, "phantom_dir"))
    arguments = dict(phantom or {})
    kind = look_up_option(arguments.pop("kind", "brain"), tuple(_KINDS))
    _, command, name = _KINDS[kind]
    writers: dict[str, Callable[..., Path]] = {"brain": write_phantom, "ellipses": write_ellipses, "chest": write_chest}
    listed, begun = (folder / NAME).is_file(), any((folder / manifest).exists() for manifest, _, _ in _KINDS.values())
    if phantom is not None and ((make_phantom and (begun or not folder.exists())) or (begun and not listed)):
        return writers[kind](folder, **arguments)
    if listed:
        return folder / NAME
    raise DataError(
        f"{folder}: expected a folder with {NAME}, found {_found(folder)}; "
        f"`python -m monai_anomaly datalist KIND {folder} {folder / NAME}` lists data of your own, "
        f"`python -m monai_anomaly {command} {folder}` makes the built-in {name}"
    )


def _found(path: Path) -> str:
    if not path.is_dir():
        return "a file" if path.exists() else "no such folder"
    return ", ".join(sorted(p.name for p in path.iterdir())[:5]) or "an empty folder"
