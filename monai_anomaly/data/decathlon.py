# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..utils import DataError
from .names import SPELLINGS

__all__ = ["channel_names", "check_channel_order", "is_decathlon", "refuse_decathlon"]

NAME = "dataset.json"


def is_decathlon(content: Any) -> bool:
    """Whether the content of a JSON file is that of a ``dataset.json`` of the Medical Segmentation Decathlon, or of
    nnU-Net."""
    return isinstance(content, Mapping) and any(key in content for key in ("tensorImageSize", "numTraining"))


def channel_names(content: Mapping[str, Any]) -> list[str]:
    """The channels of its images in order, by our names where they are known: T1w is t1; empty when it says none."""
    named = content.get("modality", content.get("channel_names", {}))
    if not isinstance(named, Mapping) or not all(str(key).isdecimal() for key in named):
        return []
    ours = {spelling: name for name, known in SPELLINGS.items() for spelling in known}
    ordered = [str(named[key]).strip().lower() for key in sorted(named, key=int)]
    return [ours.get(name, name) for name in ordered]


def refuse_decathlon(path: Path) -> None:
    """Stop where such a file is given for a datalist, or a folder that holds one for folders of cases.

    Raises:
        DataError: names the command that makes a datalist of it.
    """
    path = path / NAME if path.is_dir() else path
    if is_decathlon(_content(path)):
        # a copy under the name of a datalist must not be overwritten by the one made of it
        original = path.parent / NAME if (path.parent / NAME).is_file() else path
        out = path.parent / ("listed.json" if original.name == "datalist.json" else "datalist.json")
        raise DataError(
            f"{path}: expected a datalist of this project, found a {NAME} of the Decathlon;"
            f" `python -m monai_anomaly datalist decathlon {original} {out}` lists its images"
        )


def check_channel_order(path: str | os.PathLike, modalities: Sequence[str]) -> None:
    """Compare the channels of images in one file with the ``dataset.json`` beside or above them, if there is one.

    Args:
        path: an image, or a folder of images.
        modalities: the channels that are wanted, in order.

    Raises:
        DataError: the file names others, or the same in another order.
    """
    folder = Path(os.path.abspath(path))
    for place in (folder, *folder.parents[:2]):
        content = _content(place / NAME)
        if not is_decathlon(content):
            continue
        found = channel_names(content)
        # one channel has no order
        if found and found != list(modalities) and (len(found), len(modalities)) != (1, 1):
            raise DataError(
                f"{path}: expected images with the channels {list(modalities)}, found {found} in {place / NAME};"
                f' give --channel_names "{found}" in training and in inference'
            )
        return


def _content(path: Path) -> Any:
    """Of a JSON file; None when it is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return None
