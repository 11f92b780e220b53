# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..utils import DataError, read_json
from .names import known_name

__all__ = ["channel_names", "check_channel_order", "is_decathlon", "read_dataset", "refuse_decathlon"]

NAME = "dataset.json"


def is_decathlon(content: Any) -> bool:
    """Whether a JSON file holds a ``dataset.json`` of the Medical Segmentation Decathlon, or of nnU-Net."""
    return isinstance(content, Mapping) and any(key in content for key in ("tensorImageSize", "numTraining"))


def channel_names(content: Mapping[str, Any]) -> list[str]:
    """The channels of its images in order, by our names where they are known: T1w is t1; empty when it says none."""
    named = content.get("modality", content.get("channel_names", {}))
    if not isinstance(named, Mapping) or not all(str(key).isdecimal() for key in named):
        return []
    return [known_name(str(named[key])) for key in sorted(named, key=int)]


def read_dataset(folder: Path) -> Any:
    """The content of the ``dataset.json`` in a folder; None when there is none that can be read."""
    try:
        return read_json(folder / NAME)
    except DataError:
        return None


def refuse_decathlon(path: Path, content: Any) -> None:
    """Stop where such a file is given as a datalist, or lies in a folder given as one of cases.

    Args:
        path: the file.
        content: of it.

    Raises:
        DataError: names the command that makes a datalist of it.
    """
    if is_decathlon(content):
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
        content = read_dataset(place)
        if not is_decathlon(content):
            continue
        found = channel_names(content)
        # one channel has no order
        if found and found != [known_name(m) for m in modalities] and (len(found), len(modalities)) != (1, 1):
            raise DataError(
                f"{path}: expected images with the channels {list(modalities)}, found {found} in {place / NAME};"
                f' give --channel_names "{found}" in training and in inference'
            )
        return
