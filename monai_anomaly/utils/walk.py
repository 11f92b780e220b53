# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from .errors import DataError
from .suffixes import is_image

__all__ = ["files_in", "image_files", "walk"]

_NO_DATA = ("__macosx", "@eadir", "lost+found", "$recycle.bin", "system volume information")
"""Folders that macOS (zip files), Synology (thumbnails), ext4 and Windows (both at the top of a disk, and often closed)
write beside the data, in small letters."""


def walk(root: str | os.PathLike) -> Iterator[tuple[Path, list[Path]]]:
    """A folder and all below it, each with its files, in the order of their names: the one way to look for data.

    Links to folders are followed; a folder that several links lead to is read once. Hidden names (``._*`` of macOS,
    ``.ipynb_checkpoints``), ``__MACOSX``, ``@eaDir`` and what systems keep at the top of a disk
    (``lost+found``, ``$RECYCLE.BIN``) are passed over; ``root`` itself may be any of these, or a link. A link that
    leads nowhere counts as a file, so that who reads it can name it.

    Raises:
        DataError: a folder cannot be read.
    """
    root = Path(root)
    seen = {os.path.realpath(root)}
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        folders, files = _entries(folder)
        yield folder, files
        new = []
        for path in folders:
            real = os.path.realpath(path)
            if real not in seen:
                seen.add(real)
                new.append(path)
        waiting += reversed(new)


def files_in(folder: str | os.PathLike) -> list[Path]:
    """The files of one folder as `walk` gives them."""
    return _entries(Path(folder))[1]


def image_files(root: str | os.PathLike) -> list[Path]:
    """All images in a folder at any depth, as `walk` finds them."""
    return [path for _, files in walk(root) for path in files if is_image(path)]


def _entries(folder: Path) -> tuple[list[Path], list[Path]]:
    folders: list[Path] = []
    files: list[Path] = []
    try:
        names = sorted(n for n in os.listdir(folder) if not n.startswith(".") and n.casefold() not in _NO_DATA)
        for path in (folder / name for name in names):
            (folders if path.is_dir() else files).append(path)
    except OSError as error:
        raise DataError(f"{folder}: expected a folder that can be read, found {error.strerror or error}") from error
    return folders, files
