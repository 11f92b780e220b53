# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...metrics import otsu_threshold
from ..generated import run_jobs
from ..image_set import DATALIST, ImageSet, PlannedImage, read_image, write_listed, write_pictures
from .geometry import make_ellipses

__all__ = ["SET", "write_ellipses"]

SET = ImageSet("set of ellipses", "ellipses.json", version=2, smallest=16)


def write_ellipses(
    root: str | os.PathLike,
    size: int = 64,
    per_class: Sequence[int] = (1000, 100, 200),
    seed: int = 0,
    workers: int = 0,
    progress: bool = True,
) -> Path:
    """Write the synthetic set of DeScarGAN (thesis ch. 6) as PNG with a datalist, or reuse what is there.

    No healthy and diseased image show the same scene; a diseased one has its healthy twin beside it, for evaluation.
    Its mask is where the two differ by more than ``mask_threshold`` of the intensity range. The threshold, one for the
    set, is the mean over its diseased images of Otsu's threshold of the difference (thesis: "average Otsu threshold
    value on the GT-images"), and an entry of the datalist. A second call makes only what is missing or damaged.

    Args:
        root: folder, made if missing.
        size: pixels per side; the thesis has 256.
        per_class: images of each class for training, validation and test; the thesis has (2000, 200, 200).
        seed: another seed gives other images.
        workers: processes beside this one; 0 works in this one.
        progress: show a progress bar.

    Returns:
        Path of ``root/datalist.json``.

    Raises:
        DataError: an argument is out of range, or ``root`` holds something else.
    """
    root = Path(root)
    cases, parameters = SET.claim(root, size, per_class, seed)
    write_pictures(root, cases, partial(_draw, size), workers, SET.what, progress, roles=("image", "twin"))
    diseased = [case for case in cases if case.label]
    threshold = _known_threshold(root, parameters)
    if threshold is None:
        # in this process: torch does not like to be forked
        otsu = run_jobs(partial(_otsu, root), diseased, 0, "threshold of the masks", "image", progress)
        threshold = float(np.mean(list(otsu)))
    write_pictures(root, diseased, partial(_mask, root, threshold), workers, "masks", progress, roles=("mask",))
    description = "The synthetic set of thesis ch. 6: ellipses, generated; class 1 has the smaller one shrunk."
    return write_listed(root, cases, "ellipses", description, parameters, threshold)


def _draw(size: int, case: PlannedImage) -> dict[str, np.ndarray]:
    made = make_ellipses(case.seed, size, diseased=bool(case.label))
    return {"image": made.image, "twin": made.twin}


def _change(root: Path, case: PlannedImage) -> np.ndarray:
    """Difference of the stored images as share of the intensity range."""
    return np.abs(read_image(root / case.files["twin"]) - read_image(root / case.files["image"])) / 2


def _otsu(root: Path, case: PlannedImage) -> float:
    return otsu_threshold(torch.from_numpy(_change(root, case)))


def _mask(root: Path, threshold: float, case: PlannedImage) -> dict[str, np.ndarray]:
    return {"mask": _change(root, case) > threshold}


def _known_threshold(root: Path, parameters: dict[str, Any]) -> float | None:
    """The threshold of an earlier, complete run."""
    try:
        datalist = json.loads((root / DATALIST).read_text(encoding="utf-8"))
        return float(datalist["mask_threshold"]) if datalist["parameters"] == parameters else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
