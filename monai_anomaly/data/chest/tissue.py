# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np

from .person import Person, rim, step
from .view import View

__all__ = ["SIDES", "abdomen", "air", "body", "mediastinum"]

SIDES = (-1, 1)
"""Sign of x of the right and the left lung."""


def body(person: Person, view: View) -> np.ndarray:
    """Path through the trunk, neck, shoulders and arms, as if the lungs were full of water; 0 outside."""
    x, y = np.abs(view.x), view.y
    roof = y - (person.shoulder - 0.50 * np.exp(-((x / 0.34) ** 2)) + 1.1 * np.maximum(x - 0.85, 0) ** 2)
    sides = person.body + 0.05 * step(-0.2 - y, 0.5) - x - 0.10 * np.maximum(y - 0.3, 0) ** 2
    trunk = np.minimum(roof, sides)
    arm = np.minimum(roof, 0.1 + 0.95 * (x - person.body) - y - 0.25)
    out = np.maximum(rim(trunk, 0.42), 0.85 * rim(np.where(x > 0.45, arm, -1), 0.35))
    shape = 1 - 0.30 * step(-0.35 - y, 0.45) + 0.05 * step(y - 0.2, 0.8)
    folds = np.zeros_like(x)
    bx, by, radius, density = person.breast
    for side in SIDES:
        distance = radius - np.hypot(side * view.x - bx, (y - by) * 0.95)
        folds += density * rim(distance, 0.8 * radius) * step(y - by + 0.7 * radius, radius)
    return out * (shape + folds)


def air(person: Person, view: View) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Depth of both lungs, each 0 to 1, as if the heart were not there.

    A part of the lung reaches down behind the dome of the diaphragm.

    Returns:
        depth of the right lung, of the left lung, and the share of each sample that is below the diaphragm.
    """
    depths, below = [], np.zeros_like(view.x)
    for side, lung in zip(SIDES, person.lungs, strict=True):
        x, y = side * view.x, view.y
        lateral, medial = lung.lateral(y) - x, x - lung.mediastinal(y)
        height = lung.diaphragm(x) - y
        # next to the spine the heart and the great vessels blur the outline
        front = step(height + 0.008, 0.016 + 0.3 * np.exp(-((x / 0.13) ** 2)))
        behind = 0.30 * np.clip(1 + height / 0.24, 0, 1) * step(lung.angle + 0.06 - y, 0.12)
        depth = rim(lateral, 0.26) * rim(medial, 0.20) * (front + (1 - front) * behind)
        depths.append(depth * step(y - lung.apex[1], 0.04))
        below += np.where(x > 0, (1 - front) * step(lateral + 0.02, 0.09), 0)
    return depths[0], depths[1], below


def mediastinum(person: Person, view: View) -> tuple[np.ndarray, np.ndarray]:
    """Depth of heart, great vessels and hila, 0 to about 1, and of the air in trachea and main bronchi."""
    x, y = view.x, view.y
    cx, cy, long, short, tilt = person.heart
    u = (x - cx) * np.cos(tilt) + (y - cy) * np.sin(tilt)
    v = -(x - cx) * np.sin(tilt) + (y - cy) * np.cos(tilt)
    parts = [rim(1 - np.hypot(u / long, v / short), 0.75)]
    # right atrium, pulmonary trunk, aortic knob
    ax, ay, radius = person.arch
    for px, py, rx, ry, most in (
        (cx - 0.15, cy - 0.03, 0.16, 0.27, 0.75), (0.08, ay + 0.24, 0.13, 0.2, 0.5),
        (ax, ay, radius, 1.25 * radius, 0.42),
    ):  # fmt: skip
        parts.append(most * rim(1 - np.hypot((x - px) / rx, (y - py) / ry), 0.8))
    upper = person.mediastinum * (1 + 0.22 * step(y - ay, 0.5) - 0.25 * step(-0.55 - y, 0.4))
    parts.append(0.7 * rim(upper - np.abs(x + 0.005), 1.6 * upper))
    aorta = rim(0.055 - np.abs(x - ax * 0.75 - 0.02 * y), 0.055) * step(y - ay, 0.1)
    parts.append(0.35 * aorta)
    depth = np.sqrt(sum(p**2 for p in parts))
    depth = depth / (1 + np.maximum(depth - 1, 0))
    for side, lung in zip(SIDES, person.lungs, strict=True):
        hx, hy = lung.hilum
        r2 = ((side * x - hx) / 0.075) ** 2 + ((y - hy) / 0.12) ** 2
        depth = depth + 0.28 * np.exp(-r2)
    half, fork = person.trachea
    along = step(fork + 0.02 - y, 0.05)
    pipe = rim(half - np.abs(x + 0.008 * (y + 1)), half) * along
    for side, slope in ((-1, 0.75), (1, 1.1)):
        s = side * x
        branch = np.abs(y - fork - slope * 0.55 * s) / np.hypot(1, 0.55 * slope)
        pipe = np.maximum(pipe, 0.75 * rim(0.7 * half - branch, half) * step(s, 0.02) * (1 - step(s - 0.06, 0.1)))
    return depth, pipe


def abdomen(person: Person, view: View, below: np.ndarray) -> np.ndarray:
    """What lies under the diaphragm and makes it denser than the chest wall: liver, spleen, and gas in the stomach."""
    x, y = view.x, view.y
    lung = person.lungs[1]
    gas = rim(1 - np.hypot((x - 0.33) / 0.15, (y - lung.dome[1] - 0.14) / 0.085), 0.9)
    return below * (1 + 0.12 * step(-x, 0.3)) * (1 + 0.25 * step(y - 0.5, 0.5)) + person.stomach / 0.2 * gas * below
