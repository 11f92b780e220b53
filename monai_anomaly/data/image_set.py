# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..utils import DataError, atomic_path
from .datalist import SECTIONS, save_datalist
from .generated import claim_folder, run_jobs

__all__ = [
    "DATALIST",
    "ROLES",
    "ImageSet",
    "PlannedImage",
    "plan_images",
    "read_image",
    "write_image",
    "write_listed",
    "write_pictures",
]

DATALIST = "datalist.json"
MOST = 100_000
"""Cases of one class and section at most; so no two cases of any two sets share a seed."""
LEVELS = 65535
SIGNATURE = b"\x89PNG\r\n\x1a\n"

ROLES = ("image", "twin", "mask")


@dataclass(frozen=True)
class PlannedImage:
    """One line of the plan.

    Attributes:
        section: one of training, validation, test.
        name: such as ``healthy-0001``, unique in the section.
        label: 0 healthy, 1 diseased.
        seed: unique, so that the classes are unpaired.
    """

    section: str
    name: str
    label: int
    seed: int

    @property
    def files(self) -> dict[str, str]:
        """Files by role, relative to the folder of the set; a healthy case has an image only."""
        stem = f"{self.section}/{self.name}"
        files = {"image": f"{stem}.png"}
        return {**files, "twin": f"{stem}_twin.png", "mask": f"{stem}_mask.png"} if self.label else files


@dataclass(frozen=True)
class ImageSet:
    """What a generated set is called and where it begins.

    Attributes:
        what: for the messages, such as ``chest phantom``.
        manifest: name of the file of parameters in its folder.
        version: raised whenever the same arguments give other images, so that old folders are not taken for new ones.
        smallest: the least size of its images in pixels per side.
    """

    what: str
    manifest: str
    version: int
    smallest: int

    def claim(
        self, root: Path, size: int, per_class: Sequence[int], seed: int
    ) -> tuple[list[PlannedImage], dict[str, Any]]:
        """The plan and the parameters of a set in a folder of its own, see `claim_folder`.

        Raises:
            DataError: an argument is out of range, or the folder holds something else.
        """
        plan = plan_images(per_class, seed)
        if size < self.smallest:
            raise DataError(f"size of the {self.what}: expected {self.smallest} or more, found {size}")
        parameters = {"version": self.version, "size": size, "per_class": list(per_class), "seed": seed}
        claim_folder(root, self.manifest, parameters, self.what)
        return plan, parameters


def plan_images(per_class: Sequence[int], seed: int) -> list[PlannedImage]:
    """Name the cases of a set and give each a seed; a case stays the same whatever the sizes are.

    Args:
        per_class: images of each class in training, validation and test.
        seed: 0 or more.

    Raises:
        DataError: an argument is out of range.
    """
    per_class = list(per_class) if isinstance(per_class, Sequence) else [per_class]  # a command line gives any number
    if len(per_class) != len(SECTIONS) or not all(0 <= n < MOST for n in per_class) or not any(per_class):
        raise DataError(
            f"per_class: expected how many images of each class are for {', '.join(SECTIONS)}, found {per_class}"
        )
    if seed < 0:
        raise DataError(f"seed: expected 0 or more, found {seed}")
    cases = []
    for s, (section, count) in enumerate(zip(SECTIONS, per_class, strict=True)):
        for label, kind in enumerate(("healthy", "diseased")):
            first = ((seed * len(SECTIONS) + s) * 2 + label) * MOST
            cases += [PlannedImage(section, f"{kind}-{i + 1:04d}", label, first + i) for i in range(count)]
    return cases


def write_pictures(
    root: Path,
    cases: Sequence[PlannedImage],
    generate: Callable[[PlannedImage], Mapping[str, np.ndarray]],
    workers: int,
    what: str,
    progress: bool = True,
    roles: Collection[str] = ROLES,
) -> None:
    """Write the files of the cases of which one is missing or damaged.

    A PNG carries checksums of its own, so that no other record is needed to find out.

    Args:
        root: folder of the set.
        cases: the plan.
        generate: makes the pictures (X, Y) of a case by role, as `write_image` takes them; picklable when there are
            workers.
        workers: processes beside this one.
        what: title of the progress bar.
        progress: show the bar.
        roles: which files.

    Raises:
        DataError: the mask of a diseased case is empty.
    """
    todo = [c for c in cases if not all(_is_intact(root / file) for role, file in c.files.items() if role in roles)]
    job = partial(_write_case, root, generate, frozenset(roles))
    for _ in run_jobs(job, todo, workers, what, "image", progress, chunk=16):
        pass


def write_listed(
    root: Path,
    cases: Sequence[PlannedImage],
    name: str,
    description: str,
    parameters: Mapping[str, Any],
    mask_threshold: float,
) -> Path:
    """Write the datalist of a set, with one channel named ``image``.

    Args:
        root: folder of the set.
        cases: the plan.
        name: of the set.
        description: what it shows, in a sentence.
        parameters: of `ImageSet`, those that change the images.
        mask_threshold: change of the intensity range above which a pixel is in the mask.

    Returns:
        its path.
    """
    sections = {
        s: [{**c.files, "label": c.label, "subject": f"{s}-{c.name}"} for c in cases if c.section == s]
        for s in SECTIONS
    }
    header = {
        "description": description,
        "name": name,
        "seed": parameters["seed"],
        "parameters": parameters,
        "mask_threshold": mask_threshold,
        "modalities": ["image"],
    }
    save_datalist(root / DATALIST, {**header, **sections})
    return root / DATALIST


def write_image(path: str | os.PathLike, image: np.ndarray) -> None:
    """Write a picture (X, Y) as PNG, x to the right: floats of -1 to 1 with 16 bits, booleans as 0 and 255."""
    from PIL import Image

    if image.dtype == bool:
        gray = image.astype(np.uint8) * 255
    else:
        gray = np.round((np.clip(image, -1, 1).astype(np.float64) + 1) / 2 * LEVELS).astype(np.uint16)
    with atomic_path(path) as temporary:
        Image.fromarray(np.ascontiguousarray(gray.T)).save(temporary, compress_level=1)


def read_image(path: str | os.PathLike) -> np.ndarray:
    """Read what `write_image` wrote: float32 (X, Y), -1 to 1, or bool."""
    from PIL import Image

    with Image.open(path) as file:
        gray = np.asarray(file).T
    return gray > 127 if gray.dtype == np.uint8 else (gray / np.float32(LEVELS / 2) - 1).astype(np.float32)


def _write_case(
    root: Path, generate: Callable[[PlannedImage], Mapping[str, np.ndarray]], roles: frozenset[str], case: PlannedImage
) -> None:
    pictures = generate(case)
    for role, file in case.files.items():
        if role in roles:
            if role == "mask" and not pictures[role].any():
                raise DataError(f"{root / file}: expected a visible change of seed {case.seed}, found an empty mask")
            write_image(root / file, pictures[role])


def _is_intact(path: Path) -> bool:
    """Whether a PNG is there and every chunk of it is, by its CRC-32, the one that was written."""
    data = path.read_bytes() if path.is_file() else b""
    if not data.startswith(SIGNATURE):
        return False
    at, kind = len(SIGNATURE), b""
    while at + 12 <= len(data) and kind != b"IEND":
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        kind = data[at + 4 : at + 8]
        if zlib.crc32(data[at + 4 : end]) != int.from_bytes(data[end : end + 4], "big"):
            return False
        at = end + 4
    return kind == b"IEND" and at == len(data)
