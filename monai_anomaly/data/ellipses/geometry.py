# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import correlate1d

__all__ = ["Ellipse", "EllipseImage", "Scene", "deform", "draw_scene", "make_ellipses", "render"]

GRID = 256
"""Pixels per side of the grid on which the thesis states all lengths."""
DISTANCE = 120.0
"""The centers are further apart than this."""
HALF = (GRID - 1) / 2
SIGMA, SHIFT = 0.19 * HALF, 0.1 * HALF
"""Width and greatest length of the deformation, in pixels; the script has them as 0.19 and 0.1 of half the image."""
LOWEST, HIGHEST = -0.8, 1.0
"""The two waves at their lowest; an ellipse."""
BLUR = np.exp(-0.5 * (np.array([-1.0, 0.0, 1.0]) / 2) ** 2)
"""The script's 3 x 3 Gaussian, of standard deviation 2."""


@dataclass(frozen=True)
class Ellipse:
    """Outline of an ellipse: center, half axes and width of the line in pixels of `GRID`, angle in radians."""

    center: tuple[float, float]
    axes: tuple[float, float]
    angle: float
    width: float

    def covers(self, x: np.ndarray, y: np.ndarray, shrink: float = 0.0) -> np.ndarray:
        """Whether points lie inside of the ellipse with its half axes shrunk by some pixels."""
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        dx, dy = x - self.center[0], y - self.center[1]
        along, across = (cos * dx + sin * dy) / (self.axes[0] - shrink), (cos * dy - sin * dx) / (self.axes[1] - shrink)
        return along**2 + across**2 <= 1

    def outline(self, points: int = 400) -> tuple[np.ndarray, np.ndarray]:
        """Points on its outer edge."""
        t = np.linspace(0, 2 * np.pi, points, endpoint=False)
        along, across = self.axes[0] * np.cos(t), self.axes[1] * np.sin(t)
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        return self.center[0] + cos * along - sin * across, self.center[1] + sin * along + cos * across


@dataclass(frozen=True)
class Scene:
    """What is on one image: the ellipse that shrinks when diseased, the other one, and two waves, each with a center,
    an amplitude and radians per pixel."""

    small: Ellipse
    large: Ellipse
    waves: tuple[tuple[tuple[float, float], float, float], ...]


@dataclass(frozen=True)
class EllipseImage:
    """An image and its healthy twin, float32 (size, size) in [-1, 1]; of a healthy image they are the same."""

    image: np.ndarray
    twin: np.ndarray


def make_ellipses(seed: int, size: int = GRID, diseased: bool = False) -> EllipseImage:
    """One image of the synthetic set of DeScarGAN (thesis ch. 6, supplement, Table 1).

    Both classes are drawn by one formula, the diseased one at deformed coordinates, and scaled by one constant. So
    neither interpolation nor normalization reveals the class, as both do in the published script.

    Args:
        seed: 0 or more; another seed gives another scene.
        size: pixels per side; lengths grow with it.
        diseased: whether the small ellipse is shrunk, and the background around it with it.

    Example::

        made = make_ellipses(seed=0, size=64, diseased=True)
        changed = np.abs(made.twin - made.image) > 0.2
        assert 0 < changed.mean() < 0.5
    """
    scene = draw_scene(np.random.default_rng(seed))
    twin = render(scene, size)
    return EllipseImage(render(scene, size, diseased=True) if diseased else twin, twin)


def draw_scene(rng: np.random.Generator) -> Scene:
    """A scene whose ellipses lie inside of the image and apart from each other; others are drawn again."""
    while True:
        small, large = _draw_ellipse(rng, (40.0, 20.0)), _draw_ellipse(rng, (70.0, 35.0))
        wide, narrow = ((rng.uniform(0.2, 0.4), rng.uniform(*f)) for f in ((0.2, 0.35), (0.35, 0.5)))
        origin = (rng.uniform(50, 200), rng.uniform(50, 200))
        apart = np.hypot(small.center[0] - large.center[0], small.center[1] - large.center[1]) > DISTANCE
        if apart and _inside(small) and _inside(large) and not _overlap(small, large):
            return Scene(small, large, ((origin, *wide), (large.center, *narrow)))


def render(scene: Scene, size: int = GRID, diseased: bool = False) -> np.ndarray:
    """A scene as image, float32 (size, size) in [-1, 1].

    It is drawn on a grid at least as fine as that of the thesis, blurred as there, and averaged down.
    """
    fine = size * -(-GRID // size)
    axis = (np.arange(fine) + 0.5) * (GRID / fine) - 0.5
    x, y = np.meshgrid(axis, axis, indexing="ij")
    if diseased:
        x, y = deform(x, y, scene.small.center)
    values = sum(h * np.sin(f * np.hypot(x - cx, y - cy)) for (cx, cy), h, f in scene.waves)
    for ellipse in (scene.small, scene.large):
        values = np.where(ellipse.covers(x, y) & ~ellipse.covers(x, y, ellipse.width), HIGHEST, values)
    for direction in (0, 1):
        values = correlate1d(values, BLUR / BLUR.sum(), direction, mode="nearest")
    values = values.reshape(size, fine // size, size, fine // size).mean((1, 3))
    return np.float32(2 * (values - LOWEST) / (HIGHEST - LOWEST) - 1)


def deform(x: np.ndarray, y: np.ndarray, center: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Where a diseased image takes its value at (x, y) from: further outside, so that the center shrinks.

    The shift is along minus the gradient of a Gaussian around the center, as in the published script; the thesis prints
    the gradient without sign and length. The script puts the center at 2 c / 256 - 1 on a grid whose last pixel, 255,
    is 1: that is at 255/256 c, half a pixel beside the center of the ellipse.

    Args:
        x: first coordinate, in pixels of `GRID`.
        y: second coordinate.
        center: of the ellipse.

    Example::

        x, y = np.meshgrid(np.arange(256.0), np.arange(256.0), indexing="ij")
        from_x, from_y = deform(x, y, center=(100.0, 120.0))
        shift = np.hypot(from_x - x, from_y - y)  # in pixels
        assert 12 < shift.max() < 13
    """
    dx, dy = (axis - c * (GRID - 1) / GRID for axis, c in zip((x, y), center, strict=True))
    # scaled so that the longest component, at a distance of sigma along an axis, is SHIFT
    length = SHIFT * np.exp(0.5 - (dx**2 + dy**2) / (2 * SIGMA**2)) / SIGMA
    return x + length * dx, y + length * dy


def _draw_ellipse(rng: np.random.Generator, axes: tuple[float, float]) -> Ellipse:
    center = (rng.uniform(50, 200), rng.uniform(50, 200))
    drawn = (rng.normal(axes[0], 1), rng.normal(axes[1], 1))
    return Ellipse(center, drawn, rng.uniform(0, 2 * np.pi), rng.normal(5, 0.7))


def _inside(ellipse: Ellipse) -> bool:
    points = np.concatenate(ellipse.outline())
    return bool(points.min() >= 0 and points.max() <= GRID - 1)


def _overlap(first: Ellipse, second: Ellipse) -> bool:
    return bool(first.covers(*second.outline()).any() or second.covers(*first.outline()).any())
