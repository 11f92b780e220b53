# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Anatomy"]


@dataclass(frozen=True)
class Anatomy:
    """One healthy person.

    Attributes:
        fractions: share of each of ``contrast.TISSUES`` in a voxel, (8, X, Y, Z), summing to 1 inside the brain.
        brain: the brain mask, bool.
        depth: distance to the brain's surface in mm, 0 outside.
        ventricle_distance: distance to the lateral ventricles in mm, 0 in them.
        affine: voxel to mm, RAS.
        spacing: voxel size in mm.
        to_template: from each voxel to the place in the template it was taken from, in mm, (3, X, Y, Z).
    """

    fractions: np.ndarray
    brain: np.ndarray
    depth: np.ndarray
    ventricle_distance: np.ndarray
    affine: np.ndarray
    spacing: float
    to_template: np.ndarray

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.brain.shape

    @property
    def white(self) -> np.ndarray:
        """White matter, normal or gliotic, (X, Y, Z)."""
        return self.fractions[2] + self.fractions[4]

    @property
    def fluid(self) -> np.ndarray:
        """Cerebrospinal fluid with what lies in it, (X, Y, Z)."""
        return self.fractions[0] + self.fractions[5] + self.fractions[6] + self.fractions[7]

    def axes_mm(self) -> list[np.ndarray]:
        """MNI coordinate along each axis, shaped to broadcast over a volume."""
        return [
            (self.affine[i, 3] + self.affine[i, i] * np.arange(n, dtype=np.float32)).astype(np.float32)
            .reshape([-1 if i == j else 1 for j in range(3)])
            for i, n in enumerate(self.shape)
        ]  # fmt: skip
