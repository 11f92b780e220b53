# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .contrast import Relaxation

__all__ = ["Lesion"]


@dataclass(frozen=True)
class Lesion:
    """Pathology to be put into an anatomy.

    Attributes:
        fractions: share of each pathological tissue in a voxel, (n, X, Y, Z), sum at most 1; the rest stays healthy.
        tissues: the magnetic properties of the n tissues.
        label: class of each voxel, (X, Y, Z), uint8, 0 is healthy.
        displacement: where the healthy tissue of a voxel came from, (3, X, Y, Z) in voxels, or None.
    """

    fractions: np.ndarray
    tissues: list[Relaxation]
    label: np.ndarray
    displacement: np.ndarray | None = None
