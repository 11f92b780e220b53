# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
from scipy import ndimage as ndi

from .person import Person
from .tissue import SIDES
from .view import View

__all__ = ["vessels"]

TRUNKS = 9
POINTS = (24, 20, 14, 10, 8)
"""Of each vessel of a generation: where it is drawn."""


def vessels(rng: np.random.Generator, person: Person, view: View) -> np.ndarray:
    """Vessels that branch outward from the hila and get thinner and fainter; about 0.3 at the thickest.

    Args:
        rng: the source of randomness.
        person: where the hila are.
        view: the grid.
    """
    out = np.zeros_like(view.x)
    start, angle, length = [], [], []
    for side, lung in zip(SIDES, person.lungs, strict=True):
        directions = np.linspace(-1.25, 1.45, TRUNKS) + rng.normal(0, 0.12, TRUNKS)
        hilum = np.array([[lung.hilum[0]], [lung.hilum[1]]]) + rng.normal(0, 0.025, (2, TRUNKS))
        start.append(hilum * [[side], [1]])
        angle.append(directions if side > 0 else np.pi - directions)
        length.append(0.16 * (1 + 0.45 * np.abs(np.sin(directions))) * rng.uniform(0.8, 1.25, TRUNKS))
    p, a, n = np.concatenate(start, 1), np.concatenate(angle), np.concatenate(length)
    radius = 0.0155
    for points in POINTS:
        curve = rng.normal(0, 0.55, a.shape)
        t = np.linspace(0, 1, points)
        heading = a[:, None] + curve[:, None] * (t - 0.3)
        ds = n[:, None] / points
        path = p[:, :, None] + np.cumsum(ds * np.stack([np.cos(heading), np.sin(heading)]), 2)
        out += _lines(view, path.reshape(2, -1), np.repeat(n / points, points), radius)
        # two branches at the end, one more where the vessel is half way
        ends, half = path[:, :, -1], path[:, :, points // 2]
        spread = rng.uniform(0.22, 0.6, (3, a.size)) * np.array([[1], [-1], [0]])
        spread[2] = rng.choice([-1, 1], a.size) * rng.uniform(0.5, 0.9, a.size)
        p = np.concatenate([ends, ends, half], 1)
        a = np.concatenate([heading[:, -1], heading[:, -1], heading[:, points // 2]]) + spread.ravel()
        n = np.tile(n, 3) * rng.uniform(0.55, 0.95, 3 * n.size)
        radius *= 0.68
    return out


def _lines(view: View, points: np.ndarray, lengths: np.ndarray, radius: float) -> np.ndarray:
    """Blurred lines: points (2, N) that stand for ``lengths`` each, spread to a Gaussian as deep as it is wide."""
    column, row = view.samples(points)
    edge = view.x.shape[0]
    i, j = np.floor(row).astype(int), np.floor(column).astype(int)
    out = np.zeros(edge * edge)
    for di in (0, 1):
        for dj in (0, 1):
            weight = lengths * (1 - np.abs(row - i - di)) * (1 - np.abs(column - j - dj))
            on = (i + di >= 0) & (i + di < edge) & (j + dj >= 0) & (j + dj < edge)
            out += np.bincount((i + di)[on] * edge + (j + dj)[on], weight[on], edge * edge)
    # a line of density 1 per length, blurred by sigma, is 1 / (sigma sqrt(2 pi)) high
    height = 20 * radius * radius * np.sqrt(2 * np.pi) / view.pixel**2
    return ndi.gaussian_filter((height * out).reshape(edge, edge).astype(np.float32), radius / view.pixel, truncate=3)
