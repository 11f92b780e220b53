# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..data.chest import write_chest
from ..visualize import chest_figure

__all__ = ["chest"]


def chest(
    root: str,
    size: int = 64,
    per_class: Sequence[int] = (1000, 100, 200),
    seed: int = 0,
    workers: int = 0,
    figure: bool = True,
    figure_size: int = 256,
) -> str:
    """Write generated chest X-rays with and without pleural effusion, their datalist, and a picture of some.

    Examples:
        monai-anomaly chest data/chest
        monai-anomaly chest data/few --per_class 10,2,4 --size 128

    Args:
        root: folder, made if missing; complete files in it are kept.
        size: pixels per side.
        per_class: images of each class for training, validation and test.
        seed: another seed gives other people.
        workers: processes beside this one.
        figure: also write chest.png.
        figure_size: pixels per side of the images in it.

    Returns:
        Path of the datalist.
    """
    datalist = write_chest(root, size, per_class, seed, workers)
    if figure:
        chest_figure(Path(root) / "chest.png", figure_size, seed)
    return str(datalist)
