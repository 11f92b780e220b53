# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..utils import DataError, atomic_write, class_label, listed, read_json
from .datalist_check import check_apart, check_channel_names, check_sections
from .decathlon import refuse_decathlon
from .names import known_name

__all__ = ["FILE_KEYS", "SECTIONS", "load_datalist", "sample_files", "save_datalist"]

FILE_KEYS = ("image", "mask", "twin", "target", "target_mask")
SECTIONS = ("training", "validation", "test")


def load_datalist(
    path: str | os.PathLike,
    section: str,
    modalities: Sequence[str] | None = None,
    check_files: bool = True,
    requires: Sequence[str] = (),
    num_classes: int | None = None,
    apart_from: str | os.PathLike | None = None,
) -> list[dict[str, Any]]:
    """Read the samples of one section of a datalist file.

    Args:
        path: a JSON file as :func:`save_datalist` writes it.
        section: e.g. ``"training"``, ``"validation"`` or ``"test"``.
        modalities: the channels the caller expects, in order; compared with those the file names.
        check_files: whether every listed file must exist, and no patient may be in training and test; False for an
            inference, which leaves out what is missing and scores nothing.
        requires: entries that every sample must have, e.g. ``["mask"]`` or ``["age"]``; 0 is one, "" is none. Of
            label 0 no mask is required: it is empty.
        num_classes: every label there is must be a whole number below this; None: labels are not looked at.
        apart_from: another datalist, whose training must not have these images.

    Returns:
        the samples, with the paths of their images and masks made absolute; links in them are not followed.

    Raises:
        DataError: the file, the section, a listed image or an entry that is required is missing, the modalities are
            others, a label is no class, or a patient or an image is in training and test.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        found = "a folder" if path.is_dir() else "nothing"
        raise DataError(
            f"{path}: expected a datalist file, found {found}; `python -m monai_anomaly datalist` writes one"
        )
    datalist = read_json(path)
    if not isinstance(datalist, dict):
        raise DataError(f"{path}: expected a JSON object with a section '{section}', found a {type(datalist).__name__}")
    refuse_decathlon(path, datalist)
    samples = datalist.get(section)
    if not isinstance(samples, list) or not samples:
        sections = {key: len(value) for key, value in datalist.items() if key in SECTIONS}
        raise DataError(f"{path}: expected samples in the section '{section}', found the sections {sections}")
    listed_names = datalist.get("modalities")
    if modalities is not None and listed_names is not None and not _same_names(listed_names, modalities):
        raise DataError(
            f"{path}: expected the modalities {list(modalities)}, found {listed_names}; give"
            f' --channel_names "{listed_names}" in training and in inference, or list the data again'
        )
    for number, sample in enumerate(samples):
        if not isinstance(sample, dict) or not sample.get("image"):
            raise DataError(
                f"{path}: expected samples with an 'image', found {sample!r} as entry {number} of '{section}'"
            )
    if check_files:
        check_sections(datalist, SECTIONS, path)
    samples = [{k: v for k, v in sample.items() if v or k not in FILE_KEYS} for sample in samples]
    if modalities is not None:
        check_channel_names(samples, modalities)
    for key in requires:
        names = [str(sample.get("subject", number)) for number, sample in enumerate(samples)]
        known = [key == "mask" and sample.get("label") == 0 for sample in samples]
        without = [n for n, s, k in zip(names, samples, known, strict=True) if s.get(key) in (None, "", []) and not k]
        if without:
            raise DataError(
                f"{path}: expected a '{key}' of every sample of '{section}', found none of {listed(without)}"
            )
    if num_classes is not None:
        samples = [_checked(sample, f"{path}: '{section}'", num_classes) for sample in samples]
    folder = path.parent.absolute()  # and ".." stays: behind a link it leads elsewhere
    resolved = [_map_files(sample, lambda file: str(folder / file)) for sample in samples]
    missing = [file for sample in resolved for file in sample_files(sample) if not Path(file).exists()]
    if missing and check_files:
        raise DataError(
            f"{path}: expected every file of '{section}' to exist, found {len(missing)} missing: {listed(missing)}"
        )
    if apart_from is not None and not os.path.samefile(apart_from, path):
        check_apart(resolved, load_datalist(apart_from, "training", check_files=False), path)
    return resolved


def save_datalist(path: str | os.PathLike, datalist: Mapping[str, Any]) -> None:
    """Write a datalist as JSON, one sample per line, so that a person can read and edit it.

    Absolute paths below the folder of ``path`` are written relative to it, so that the folder may be moved; all other
    paths stay as they are.

    Args:
        path: the file to write; it appears complete or not at all.
        datalist: header entries and sections; a section is a list of samples.
    """
    folder = Path(os.path.abspath(Path(path).expanduser().parent))

    def relative(file: str) -> str:
        return Path(file).relative_to(folder).as_posix() if Path(file).is_relative_to(folder) else file

    entries = []
    for key, value in datalist.items():
        if isinstance(value, list) and value and (isinstance(value[0], Mapping) or key == "unmatched"):
            lines = (_json(_map_files(entry, relative) if isinstance(entry, Mapping) else entry) for entry in value)
            text = "[\n    " + ",\n    ".join(lines) + "\n  ]"
        else:
            text = _json(value)
        entries.append(f"  {json.dumps(key)}: {text}")
    with atomic_write(Path(path).expanduser()) as f:
        f.write("{\n" + ",\n".join(entries) + "\n}\n")


def sample_files(sample: Mapping[str, Any]) -> list[str]:
    """The paths of a sample's images and masks, as they are written."""
    values = (sample.get(key, []) for key in FILE_KEYS)
    return [file for value in values for file in ([value] if isinstance(value, str) else value)]


def _checked(sample: Mapping[str, Any], where: str, num_classes: int) -> dict[str, Any]:
    """The sample with its label as a whole number."""
    if sample.get("label") is None:
        return dict(sample)
    name = f"{where}, subject {sample.get('subject')}, {sample['image']}"
    return {**sample, "label": class_label(sample["label"], f"{name}: label", num_classes)}


def _same_names(found: Any, modalities: Sequence[str]) -> bool:
    """Whether the channels are the same in the same order, however they are spelled."""
    return isinstance(found, list) and [known_name(str(m)) for m in found] == [known_name(m) for m in modalities]


def _json(value: Any) -> str:
    """As readable text, or with escapes where the name of a file is no valid text."""
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value)
    return text


def _map_files(sample: Mapping[str, Any], change: Any) -> dict[str, Any]:
    out = dict(sample)
    for key in FILE_KEYS:
        value = out.get(key)
        if isinstance(value, (str, os.PathLike)):
            out[key] = change(os.fspath(value))
        elif isinstance(value, (list, tuple)):
            out[key] = [change(os.fspath(file)) for file in value]
    return out
