# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from pathlib import Path

from ..data.chest.image import make_chest
from .twin_figure import twin_figure

__all__ = ["chest_figure"]


def chest_figure(path: str | os.PathLike, size: int = 256, seed: int = 0) -> Path:
    """Draw people without and with fluid on the right, on the left and on both sides.

    Args:
        path: the PNG to write.
        size: pixels a side of each image.
        seed: of the first person.
    """
    cases = []
    for k, side in enumerate(("right", "left", "both")):
        healthy, diseased = make_chest(seed + k, size), make_chest(seed + 3 + k, size, side)
        cases.append((healthy.image, diseased.image, diseased.twin, diseased.mask))
    return twin_figure(cases, path)
