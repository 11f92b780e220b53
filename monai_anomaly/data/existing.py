# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import unicodedata
from pathlib import Path

from ..utils import DataError, walk

__all__ = ["existing_file", "existing_folder"]


def existing_folder(root: str | os.PathLike, expected: str) -> Path:
    """Return ``root`` as an absolute path when it is a folder with something in it.

    Args:
        root: the folder.
        expected: what should be in it, for the message.

    Raises:
        DataError: names the folder and what was looked for.
    """
    root = Path(os.path.abspath(Path(root).expanduser()))
    if not root.is_dir():
        raise DataError(f"{root}: expected a folder with {expected}, found {'a file' if root.exists() else 'nothing'}")
    if not any(files or folder != root for folder, files in walk(root)):
        raise DataError(f"{root}: expected {expected}, found an empty folder")
    return root


def existing_file(folder: Path, name: str) -> Path:
    """The file that an entry of a table names, also with the separators of Windows between folders, or with umlauts as
    another system writes them."""
    written = (name, name.replace("\\", "/"))
    forms = [*written, *(unicodedata.normalize(form, n) for form in ("NFC", "NFD") for n in written)]
    return next((folder / form for form in forms if (folder / form).is_file()), folder / written["\\" in name])
