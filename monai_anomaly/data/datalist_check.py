# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""What only goes wrong in a datalist that a person or a script wrote, and that no result would show."""

from __future__ import annotations

import itertools
import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monai.utils import ensure_tuple

from ..utils import DataError, listed
from .names import NameReader
from .spellings import plain_name

__all__ = ["check_apart", "check_channel_names", "check_sections"]


def check_sections(datalist: Mapping[str, Any], sections: Sequence[str], where: str | os.PathLike) -> None:
    """Compare the patients and images of the sections.

    A score of patients that the network was trained on is worthless. A patient in two other sections, as in a set too
    small for three, brings a warning: weights and threshold are then not chosen, or not scored, on patients of their
    own.

    Raises:
        DataError: a patient or an image is in the training and in the test.
    """
    parts = {section: _contents(datalist.get(section)) for section in sections}
    for first, second in itertools.combinations(sections, 2):
        shared = [name for key, name in parts[first].items() if key in parts[second]]
        if not shared:
            continue
        found = f"found in {first} and {second}: {listed(shared)}"
        problem = f"{where}: expected each patient and image in one section, {found}"
        if (first, second) == ("training", "test"):
            raise DataError(f"{problem}; take them out of one, or list the data again")
        warnings.warn(problem, stacklevel=3)


def check_apart(
    samples: Sequence[Mapping[str, Any]], training: Sequence[Mapping[str, Any]], where: str | os.PathLike
) -> None:
    """Compare samples that are to be scored with those of the training, of another datalist.

    Equal names of patients bring a warning: two hospitals may both have a patient 1.

    Raises:
        DataError: an image is in both.
    """
    known = {os.path.realpath(file) for sample in training for file in ensure_tuple(sample["image"])}
    if again := [
        file for sample in samples for file in ensure_tuple(sample["image"]) if os.path.realpath(file) in known
    ]:
        raise DataError(f"{where}: expected images that the training has not, found {listed(again)}")
    patients = {plain_name(str(sample.get("subject"))) for sample in training if "subject" in sample}
    named = {str(sample["subject"]) for sample in samples if "subject" in sample}
    if shared := sorted(name for name in named if plain_name(name) in patients):
        warnings.warn(f"{where}: patients with the names of those in the training: {listed(shared)}", stacklevel=3)


def check_channel_names(samples: Sequence[Mapping[str, Any]], modalities: Sequence[str]) -> None:
    """Check, by the names of the files, that every sample has the modalities in this order.

    Raises:
        DataError: names a file that stands for another modality than its name says.
    """
    reader = NameReader(modalities)
    for sample in samples:
        files = sample["image"]
        if not isinstance(files, (list, tuple)):
            continue
        names = [reader.read(Path(file)) for file in files]
        found = [name.role for name in names if name is not None]
        if found == list(modalities) or sorted(found) != sorted(modalities):
            continue
        file, wanted, other = next(row for row in zip(files, modalities, found, strict=True) if row[1] != row[2])
        raise DataError(
            f"{file}: expected {wanted} in this place of the list, found {other} by its name; the files of an image are"
            f" listed in the order {list(modalities)}"
        )


def _contents(samples: Any) -> dict[str, str]:
    """Patients and images of a section: what is compared, and how it is shown."""
    found: dict[str, str] = {}
    for sample in samples if isinstance(samples, list) else []:
        if not isinstance(sample, Mapping):
            continue
        if sample.get("subject") is not None:
            found[f"patient {plain_name(str(sample['subject']))}"] = str(sample["subject"])
        image = sample.get("image")
        files = [image] if isinstance(image, str) else image if isinstance(image, list) else []
        # slices of one file may be listed one by one
        found[f"image {[os.path.normpath(str(file)) for file in files]}"] = str(files[0]) if files else ""
    found.pop("image []", None)
    return found
