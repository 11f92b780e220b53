# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from ..image_set import ImageSet, PlannedImage, write_listed, write_pictures
from .effusion import draw_side
from .image import VISIBLE, ChestImage, make_chest

__all__ = ["SET", "make_case", "write_chest"]

SET = ImageSet("chest phantom", "chest.json", version=1, smallest=48)


def write_chest(
    root: str | os.PathLike,
    size: int = 64,
    per_class: Sequence[int] = (1000, 100, 200),
    seed: int = 0,
    workers: int = 0,
    progress: bool = True,
) -> Path:
    """Write generated frontal chest X-rays as PNG with a datalist, or reuse what is there.

    Class 1 has pleural effusion, on the left, on the right or on both sides; no person is in both classes. A diseased
    image has its healthy twin and the mask of the fluid beside it. A second call makes only what is missing or damaged.

    Args:
        root: folder, made if missing.
        size: pixels per side; 48 or more, so that the smallest effusion shows.
        per_class: images of each class for training, validation and test.
        seed: another seed gives other people.
        workers: processes beside this one; 0 works in this one.
        progress: show a progress bar.

    Returns:
        Path of ``root/datalist.json``.

    Raises:
        DataError: an argument is out of range, or ``root`` holds something else.
    """
    root = Path(root)
    cases, parameters = SET.claim(root, size, per_class, seed)
    write_pictures(root, cases, partial(_draw, size), workers, SET.what, progress)
    description = "Generated frontal chest X-rays; class 1 has pleural effusion. Not for claims on patients."
    return write_listed(root, cases, SET.what, description, parameters, VISIBLE)


def make_case(seed: int, size: int = 256, diseased: bool = False) -> ChestImage:
    """A person of a set: `make_chest` with the side of the fluid drawn from the seed."""
    return make_chest(seed, size, draw_side(np.random.default_rng([seed, 6])) if diseased else None)


def _draw(size: int, case: PlannedImage) -> dict[str, np.ndarray]:
    return make_case(case.seed, size, bool(case.label))._asdict()
