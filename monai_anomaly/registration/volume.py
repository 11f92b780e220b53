# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage as ndi
from torch.nn import functional as F

__all__ = ["MOST_OUTSIDE", "Volume"]

MOST_OUTSIDE = 0.02
"""Share of a mask that may lie outside of its scan."""

_FWHM = 2.355  # full width at half maximum of a Gaussian, in standard deviations


@dataclass(frozen=True)
class Volume:
    """A scalar image on its grid in space.

    Attributes:
        values: (X, Y, Z), float32.
        affine: (4, 4), voxel to mm, RAS; any invertible one, sheared or oblique too.
    """

    values: np.ndarray
    affine: np.ndarray

    @classmethod
    def of(cls, image: torch.Tensor, channel: int = 0) -> Volume:
        """A channel of a MetaTensor (C, X, Y, Z)."""
        values = np.asarray(image[channel].detach().cpu(), np.float32)
        return cls(values, np.asarray(image.affine, dtype=float))  # type: ignore[attr-defined]

    @property
    def spacing(self) -> np.ndarray:
        """Voxel size in mm along the axes of the array, (3,)."""
        spacing: np.ndarray = np.linalg.norm(self.affine[:3, :3], axis=0)
        return spacing

    @property
    def milliliters(self) -> float:
        """Volume of the voxels above 0."""
        return float((self.values > 0).sum() * abs(np.linalg.det(self.affine[:3, :3])) / 1000)

    def above_zero(self) -> Volume:
        """1 where the values are above 0, 0 elsewhere."""
        return Volume((self.values > 0).astype(np.float32), self.affine)

    def normalized(self) -> Volume:
        """The 0.5th to 99.5th percentile of the values above 0 stretched to [0, 1], what lies outside clipped."""
        positive = self.values[self.values > 0]
        low, high = np.percentile(positive, [0.5, 99.5]) if positive.size else (0.0, 1.0)
        scaled = (self.values - low) / max(high - low, np.finfo(np.float32).tiny)
        return Volume(np.clip(scaled, 0, 1).astype(np.float32) * (self.values > 0), self.affine)

    def smoothed(self, fwhm: float) -> Volume:
        """Blurred to a full width at half maximum in mm, on a grid thinned out to half of it."""
        # a voxel is a blur of its own: coarse axes need less of it
        sigma = np.sqrt(np.maximum((fwhm**2 - self.spacing**2), 0)) / _FWHM / self.spacing
        blurred = ndi.gaussian_filter(self.values, sigma, mode="constant", truncate=3.0)
        steps = np.maximum(1, np.floor(fwhm / 2 / self.spacing)).astype(int)
        thin = np.ascontiguousarray(blurred[:: steps[0], :: steps[1], :: steps[2]])
        return Volume(thin, self.affine @ np.diag([*steps, 1]).astype(float))

    def center_of_mass(self) -> np.ndarray:
        """Of the values above 0, in mm, (3,)."""
        center = ndi.center_of_mass(np.maximum(self.values, 0))
        mm: np.ndarray = (self.affine @ np.r_[center, 1.0])[:3]
        return mm

    def share_outside(self, like: Volume) -> float:
        """Share of the voxels above 0 whose centers lie outside of the grid of another volume; 0 of an empty one."""
        marked = np.argwhere(self.values > 0)
        if not len(marked):
            return 0.0
        to_other = np.linalg.inv(like.affine) @ self.affine
        places = marked @ to_other[:3, :3].T + to_other[:3, 3]
        return float(1 - ((places > -1) & (places < like.values.shape)).all(1).mean())

    def points(self, inside: np.ndarray) -> torch.Tensor:
        """Centers of the voxels where ``inside`` (X, Y, Z), in mm: (N, 3), float32."""
        index = np.argwhere(inside)
        return torch.from_numpy((index @ self.affine[:3, :3].T + self.affine[:3, 3]).astype(np.float32))

    def at(self, points: torch.Tensor) -> torch.Tensor:
        """Values (N,) at points (N, 3) in mm, by linear interpolation; 0 outside of the grid. Differentiable."""
        inverse = torch.from_numpy(np.linalg.inv(self.affine)).to(points)
        index = points @ inverse[:3, :3].T + inverse[:3, 3]
        size = torch.tensor(self.values.shape, dtype=points.dtype)
        grid = ((2 * index + 1) / size - 1).flip(-1)[None, None, None]  # grid_sample counts from the last axis
        image = torch.from_numpy(self.values)[None, None]
        return F.grid_sample(image, grid, align_corners=False).reshape(-1)

    def pulled(self, matrix: np.ndarray, like: Volume, order: int = 1) -> Volume:
        """Resampled to another grid: value at p there is the value at ``matrix @ p`` here; 0 outside.

        Args:
            matrix: (4, 4), points of the other grid to points of this one, in mm.
            like: the other grid.
            order: 0, nearest, or 1, linear.
        """
        m = np.linalg.inv(self.affine) @ matrix @ like.affine
        values = ndi.affine_transform(
            self.values, m[:3, :3], offset=m[:3, 3], output_shape=like.values.shape, order=order
        )
        return Volume(values, like.affine)
