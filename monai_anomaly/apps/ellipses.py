# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from ..data.ellipses import write_ellipses
from ..visualize import ellipses_figure

__all__ = ["ellipses"]


def ellipses(
    root: str,
    size: int = 64,
    per_class: Sequence[int] = (1000, 100, 200),
    seed: int = 0,
    workers: int = 0,
    figure: bool = True,
    figure_size: int = 256,
) -> str:
    """Write the synthetic set of thesis ch. 6, its datalist, and a picture of some images.

    Examples:
        monai-anomaly ellipses data/ellipses --workers 2

    Args:
        root: folder, made if missing; complete files in it are kept.
        size: pixels per side.
        per_class: images of each class for training, validation and test.
        seed: another seed gives other images.
        workers: processes beside this one.
        figure: also write ellipses.png.
        figure_size: pixels per side of the images in it.

    Returns:
        Path of the datalist.
    """
    datalist = write_ellipses(root, size, per_class, seed, workers)
    if figure:
        threshold = json.loads(datalist.read_text(encoding="utf-8"))["mask_threshold"]
        ellipses_figure(Path(root) / "ellipses.png", threshold, figure_size, seed)
    return str(datalist)
