# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["View", "draw_view"]

FINEST = 128
"""Least number of samples per axis: small images are drawn at a multiple of their size and averaged."""


@dataclass(frozen=True)
class View:
    """How the person stands before the detector, and the grid the image is computed on.

    Attributes:
        size: pixels per axis of the image.
        times: samples of each pixel per axis.
        x: coordinate of each sample from right to left of the person (to the right in the image), (y, x).
        y: downward, (y, x).
        linear: (2, 2), from image to person.
        shift: (2,), added to the image's coordinates before that.
        waves: amplitude, two frequencies and phase of each wave that bends x and y, (2, waves, 4).
    """

    size: int
    times: int
    x: np.ndarray
    y: np.ndarray
    linear: np.ndarray
    shift: np.ndarray
    waves: np.ndarray

    @property
    def pixel(self) -> float:
        """Distance between two samples."""
        return 2 / (self.size * self.times)

    def bin(self, fine: np.ndarray) -> np.ndarray:
        """Average the samples of each pixel."""
        n, k = self.size, self.times
        return fine.reshape(n, k, n, k).mean((1, 3))

    def samples(self, points: np.ndarray) -> np.ndarray:
        """Where places (2, N) of the person lie on the grid, (column, row) in samples; off by the bend of a bend."""
        straight = points - _bend(self.waves, points[0], points[1])
        image = np.linalg.inv(self.linear) @ straight - self.shift[:, None]
        return (image + 1) / self.pixel - 0.5


def draw_view(rng: np.random.Generator, size: int) -> View:
    """Draw scale, turn, place and bend; one state of ``rng`` is one view at every size.

    Args:
        rng: the source of randomness.
        size: pixels per axis.
    """
    angle, scale = rng.normal(0, np.deg2rad(1.8)), rng.normal((1.0, 1.0), 0.035)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear, shift = np.diag(scale) @ turn, rng.normal((0, 0.0), 0.035)
    waves = np.stack(
        [rng.normal(0, 0.010, (2, 3)), *rng.uniform(0.6, 2.8, (2, 2, 3)), rng.uniform(0, 2 * np.pi, (2, 3))], axis=2
    )
    times = max(2, -(-FINEST // size))
    axis = ((np.arange(size * times) + 0.5) * 2 / (size * times) - 1).astype(np.float32)
    u, v = axis[None] + shift[0], axis[:, None] + shift[1]
    grid = [(row[0] * u + row[1] * v).astype(np.float32) for row in linear]
    for coordinate, waves_of_it in zip(grid, waves, strict=True):
        for height, fx, fy, phase in waves_of_it:
            # the sine of a sum: one sine per row and column in place of one per sample
            a, b = ((fx * linear[0, k] + fy * linear[1, k]) * w for k, w in enumerate((u, v)))
            wave = np.sin(a + phase) * np.cos(b).astype(np.float32) + np.cos(a + phase) * np.sin(b).astype(np.float32)
            coordinate += np.float32(height) * wave
    return View(size, times, grid[0], grid[1], linear, shift, waves)


def _bend(waves: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.stack([sum(a * np.sin(fx * x + fy * y + p) for a, fx, fy, p in axis) for axis in waves])
