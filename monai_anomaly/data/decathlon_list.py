# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monai_anomaly.utils import DataError, class_label, read_json, split_suffix

from .datalist import assemble_datalist
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
) -> dict[str, Any]:
    """List the images of a ``dataset.json`` as the Medical Segmentation Decathlon has it (Antonelli et al., 2022).

    The images of ``training``, which have masks, are split by patient. Those of ``test`` have none, so no score can be
    computed on them: they are left out, and can be given to an inference. The modalities are the channels in the order
    of the file; ``channel_names`` of the configuration must be the same.

    Args:
        root: the file, or the folder that holds it.
        label: class of every volume. :class:`SliceDataset` labels the slices by mask.
        subject: regular expression that finds the patient in the path below the folder: its first group, or all it
            matches.
        seed: of the split by patient.
        split: shares of training, validation and test.

    Raises:
        DataError: the file is missing or another one, or no image of it is there.
    """
    path = Path(os.path.abspath(Path(root).expanduser()))
    path = path / NAME if path.is_dir() else path
    content = _read(path)
    names = channel_names(content)
    if not names:
        raise DataError(f"{path}: expected the channels under 'modality', found {content.get('modality')!r}")
    label = class_label(label, "label")
    left_out, images, masks = [], [], []
    for number, entry in enumerate(content["training"]):
        files = [_file(path, entry.get(key)) if isinstance(entry, Mapping) else None for key in ("image", "label")]
        if files[0] is None or files[1] is None:
            found = f"expected the files of an image and its label, found {entry}"
            left_out.append({"case": f"{path}, training, entry {number}", "reason": found})
        else:
            images.append(files[0])
            masks.append(files[1])
    for entry in content.get("test") or []:
        image = entry.get("image") if isinstance(entry, Mapping) else entry
        left_out.append({"case": str(path.parent / str(image)), "reason": "section test: no mask to score it with"})
    patients = name_patients(images, [split_suffix(image.name)[0] for image in images], path.parent, subject)
    datalist = assemble_datalist(
        [
            {"image": str(image), "mask": str(mask), "label": label, "subject": patient}
            for image, mask, patient in zip(images, masks, patients, strict=True)
        ],
        root=path.parent,
        description=f"volumes with the channels {', '.join(names)} in one file, split by patient",
        modalities=names,
        seed=seed,
        split=split,
        left_out=left_out,
        notes=[
            *patient_note(images, patients, path.parent, subject),
            f'the channels are {", ".join(names)}: train with --channel_names "{names}"',
        ],
    )
    return {"description": datalist.pop("description"), "labels": content.get("labels"), **datalist}


def _read(path: Path) -> dict[str, Any]:
    content = read_json(path, f"the {NAME} of a Decathlon task")
    if not is_decathlon(content) or not isinstance(content.get("training"), list):
        raise DataError(f"{path}: expected a {NAME} of the Decathlon with a list 'training', found none")
    return content


def _file(path: Path, name: Any) -> Path | None:
    """A file that the list names, if it is there."""
    file = Path(os.path.normpath(path.parent / name)) if isinstance(name, str) else None
    return file if file is not None and file.is_file() else None
