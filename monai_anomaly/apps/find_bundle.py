# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

from ..utils import DataError

__all__ = ["find_bundle", "known_bundles"]

REPOSITORY = Path(__file__).resolve().parents[2]
_NEEDED = "configs/inference.json"


def find_bundle(bundle: str) -> Path:
    """The folder of a bundle.

    Args:
        bundle: the folder, or the name of one in ``bundles`` of this folder or of the repository.

    Raises:
        DataError: there is none; the message names those that there are.
    """
    for folder in (Path(bundle).expanduser(), *(place / bundle for place in _places())):
        if (folder / _NEEDED).is_file():
            return folder
    names = ", ".join(known_bundles()) or f"none in {', '.join(map(str, _places()))}"
    raise DataError(f"{bundle}: expected a bundle, its name or a folder with {_NEEDED}, found none; bundles: {names}")


def known_bundles() -> list[str]:
    """Names of the bundles in ``bundles`` of this folder or of the repository."""
    return sorted({path.parents[1].name for place in _places() for path in place.glob(f"*/{_NEEDED}")})


def _places() -> list[Path]:
    return [Path("bundles"), REPOSITORY / "bundles"]
