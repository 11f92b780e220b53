# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..utils import DataError, class_label, files_in, is_image, read_json, split_suffix
from .assemble_datalist import assemble_datalist
from .decathlon import NAME, channel_names, is_decathlon
from .patients import name_patients, patient_note

__all__ = ["make_decathlon_datalist"]


def make_decathlon_datalist(
    root: str | os.PathLike,
    *,
    label: int = 1,
    subject: str | None = None,
    seed: int = 0,
    split: Sequence[float] = (0.8, 0.1, 0.1),
    folds: int | None = None,
    fold: int | None = None,
) -> dict[str, Any]:
    """List the images of a ``dataset.json`` as the Medical Segmentation Decathlon has it (Antonelli et al., 2022), or
    nnU-Net.

    The second version of nnU-Net lists no images: each mask of ``labelsTr`` belongs to ``imagesTr/<case>_0000``, ...,
    one file per channel. The images of ``training``, which have masks, are split by patient. Those of ``test`` have
    none, so no score can be computed on them: they are left out, and can be given to an inference. The modalities are
    the channels in the order of the file; ``channel_names`` of the configuration must be the same.

    Args:
        root: the file, or the folder that holds it.
        label: class of every volume. :class:`SliceDataset` labels the slices by mask.
        subject: regular expression that finds the patient in the path below the folder: its first group, or all it
            matches.
        seed: of the split by patient.
        split: shares of training, validation and test.
        folds: number of folds of a cross-validation, in place of a split with the share of the test.
        fold: which of them is tested, from 0 on.

    Raises:
        DataError: the file is missing or another one, or no image of it is there.
    """
    path = Path(os.path.abspath(Path(root).expanduser()))
    path = path / NAME if path.is_dir() else path
    content = _read(path)
    channels = channel_names(content)
    if not channels:
        raise DataError(f"{path}: expected the channels under 'modality', found {content.get('modality')!r}")
    label = class_label(label, "label")
    left_out: list[dict[str, str]] = []
    images: list[list[Path]] = []
    masks: list[Path] = []
    for number, entry in enumerate(content["training"]):
        given = entry if isinstance(entry, Mapping) else {}
        named = given.get("image")
        files = [_file(path, name) for name in (named if isinstance(named, list) else [named])]
        mask = _file(path, given.get("label"))
        there = [file for file in files if file is not None]
        if mask is None or len(there) < len(files):
            found = f"expected the files of an image and its label, found {entry}"
            left_out.append({"case": f"{path}, training, entry {number}", "reason": found})
        else:
            images.append(there)
            masks.append(mask)
    for entry in content.get("test") or []:
        image = entry.get("image") if isinstance(entry, Mapping) else entry
        left_out.append({"case": str(path.parent / str(image)), "reason": "section test: no mask to score it with"})
    firsts = [files[0] for files in images]
    patients = name_patients(firsts, [split_suffix(mask.name)[0] for mask in masks], path.parent, subject)
    datalist = assemble_datalist(
        [
            {
                "image": str(files[0]) if len(files) == 1 else [str(file) for file in files],
                "mask": str(mask),
                "label": label,
                "subject": patient,
            }
            for files, mask, patient in zip(images, masks, patients, strict=True)
        ],
        root=path.parent,
        description=f"volumes with the channels {', '.join(channels)}, split by patient",
        modalities=channels,
        seed=seed,
        split=split,
        folds=folds,
        fold=fold,
        left_out=left_out,
        notes=[
            *patient_note(firsts, patients, path.parent, subject),
            f'the channels are {", ".join(channels)}: train with --channel_names "{channels}"',
        ],
    )
    return {"description": datalist.pop("description"), "labels": content.get("labels"), **datalist}


def _read(path: Path) -> dict[str, Any]:
    content = read_json(path, f"the {NAME} of a Decathlon task")
    if is_decathlon(content) and "training" not in content:
        content = {**content, "training": _entries_of_nnunet(path, len(channel_names(content)))}
    if not is_decathlon(content) or not isinstance(content.get("training"), list) or not content["training"]:
        raise DataError(
            f"{path}: expected a {NAME} of the Decathlon with a list 'training', found none, nor masks in labelsTr"
        )
    return content


def _entries_of_nnunet(path: Path, channels: int) -> list[dict[str, Any]]:
    """Entries as the Decathlon has them, made from the names of the masks."""
    folder = path.parent / "labelsTr"
    entries = []
    for mask in (file for file in (files_in(folder) if folder.is_dir() else []) if is_image(file)):
        stem, suffix = split_suffix(mask.name)
        files = [f"imagesTr/{stem}_{channel:04d}{suffix}" for channel in range(channels)]
        entries.append({"image": files, "label": f"labelsTr/{mask.name}"})
    return entries


def _file(path: Path, name: Any) -> Path | None:
    """A file that the list names, if it is there."""
    file = Path(os.path.normpath(path.parent / name)) if isinstance(name, str) else None
    return file if file is not None and file.is_file() else None
